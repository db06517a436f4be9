"""Rules of the Bitcoin node that need no server."""
