"""The Ethereum watcher: addresses, blocks, balances, credits. It has no private key."""
