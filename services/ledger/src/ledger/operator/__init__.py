"""Operators' decisions about payments, and the state of one payment for operators."""
