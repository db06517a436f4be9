"""The instruments of payments, and those that are saved for later payments."""
