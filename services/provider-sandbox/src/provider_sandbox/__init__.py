"""Local twins of the payment providers, over real HTTP, for demo and tests."""
