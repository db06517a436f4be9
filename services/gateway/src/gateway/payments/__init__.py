"""Payments and refunds: create, list, follow and cancel them."""
