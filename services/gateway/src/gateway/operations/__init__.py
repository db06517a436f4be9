"""The API's documents, and the deletion of old rows."""
