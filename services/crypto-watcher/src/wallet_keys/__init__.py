"""Keys of wallets: an encrypted seed file, and the keys that are derived from it."""
