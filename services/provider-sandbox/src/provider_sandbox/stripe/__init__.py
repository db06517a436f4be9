"""Stripe (cards) as this process imitates it."""
