"""The hash chain over the journal, and rebuilding the ledger from its log of inputs."""
