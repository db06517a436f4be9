"""Payers who come back from a provider's page."""
