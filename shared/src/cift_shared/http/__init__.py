"""HTTP to providers: pooled connections over asyncio, parsing of untrusted JSON."""
