"""Providers' notices (webhooks): verify, seal and store them, then publish them to the workers."""
