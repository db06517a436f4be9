"""The Ethereum node's control routes, and how it fails on command."""
