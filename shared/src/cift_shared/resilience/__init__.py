"""Protection of providers: circuit breaker and rate limiter."""
