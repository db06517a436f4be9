"""The head of the ledger's hash chain."""
