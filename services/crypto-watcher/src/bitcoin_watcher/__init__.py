"""Bitcoin's part of the crypto watcher: addresses, the chain's blocks, deposits. It has no keys."""
