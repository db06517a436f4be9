"""Phones and cards: the instruments of payments, and saved ones for later payments."""
