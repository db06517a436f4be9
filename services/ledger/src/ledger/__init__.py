"""The double-entry ledger: results in, books, events out."""
