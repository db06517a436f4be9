"""Apply workers' results to payments and the journal; republish commands of silent workers."""
