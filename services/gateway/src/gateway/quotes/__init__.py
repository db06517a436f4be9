"""The price of a payment, and quotes that guarantee a price until they expire."""
