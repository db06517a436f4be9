"""The HTTP layer: server limits, middleware, request checks, and what endpoints share."""
