"""Payments that a restored database has forgotten: find them, accept them again."""
