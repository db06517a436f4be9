"""The Stripe twin: its words, its behaviour, its book."""
