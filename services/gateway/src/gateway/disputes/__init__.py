"""Disputes: deposits that payers had their banks take back."""
