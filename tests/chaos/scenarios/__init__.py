"""Fixed sequences of requests, each with the result it must have; `make chaos-points` runs them."""
