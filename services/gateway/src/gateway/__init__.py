"""The HTTP API: accepts payments and webhooks, shows the state of payments."""
