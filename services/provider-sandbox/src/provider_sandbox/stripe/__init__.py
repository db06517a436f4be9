"""The twin of Stripe (cards)."""
