"""Rules of the PayPal twin that need no server."""
