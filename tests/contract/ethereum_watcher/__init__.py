"""The Ethereum watcher in front of whole nodes: ours, anvil, and one that is given."""
