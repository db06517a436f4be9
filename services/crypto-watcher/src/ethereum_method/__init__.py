"""Ethereum as a rail: what it offers, without I/O."""
