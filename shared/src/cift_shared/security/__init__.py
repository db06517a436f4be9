"""Encryption of stored fields, and tokens in callback addresses."""
