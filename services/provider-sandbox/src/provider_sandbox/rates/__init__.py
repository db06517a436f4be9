"""Twins of markets with public prices: Coinbase (`/v2/prices`) and Kraken (`/0/public/Ticker`)."""
