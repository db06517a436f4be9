"""Amounts, fees and exchange rates."""
