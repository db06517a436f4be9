"""Tests of the local stack's machinery."""
