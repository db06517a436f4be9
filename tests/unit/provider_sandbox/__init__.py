"""Rules of the provider twins, without a server."""
