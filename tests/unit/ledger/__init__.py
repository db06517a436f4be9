"""The ledger's pure rules."""
