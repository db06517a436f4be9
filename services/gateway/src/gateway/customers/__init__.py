"""Balances and statements of customers."""
