"""PayPal as a payment rail, without I/O: what it moves, and its part in the gateway."""
