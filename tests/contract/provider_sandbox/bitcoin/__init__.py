"""The Bitcoin node's control routes, and how it fails on command."""
