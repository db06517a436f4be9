"""API keys: authenticate callers and check their scopes."""
