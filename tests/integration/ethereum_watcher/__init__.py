"""The Ethereum watcher in front of a node over a real EVM."""
