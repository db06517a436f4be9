"""The one-command local stack: database, broker, every service, the demo."""
