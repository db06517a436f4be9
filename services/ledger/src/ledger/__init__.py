"""The double-entry ledger: consumes results, posts transactions, publishes events."""
