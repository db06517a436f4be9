"""Payers who return from a provider's page."""
