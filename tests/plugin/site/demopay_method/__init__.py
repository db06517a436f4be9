"""A rail for tests: wallets that are found by an account number, at a provider called DemoPay."""
