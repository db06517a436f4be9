"""The HTTP API: takes payments and webhooks in, shows what became of them."""
