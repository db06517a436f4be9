"""Decide a request once for each idempotency key."""
