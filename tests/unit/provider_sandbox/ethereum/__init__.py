"""Rules of the Ethereum node that need no server."""
