"""Compare providers' statements with the ledger's journal."""
