"""For operators: health, metrics, documents, and the deletion of old rows."""
