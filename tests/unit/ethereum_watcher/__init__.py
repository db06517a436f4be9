"""Rules of the Ethereum watcher."""
