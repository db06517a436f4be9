"""Tests of the M-Pesa worker."""
