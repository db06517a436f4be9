"""Rules of the Stripe twin that need no server."""
