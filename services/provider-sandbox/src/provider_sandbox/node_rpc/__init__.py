"""What the test nodes of both chains share: JSON-RPC over HTTP, and the ways in which it fails."""
