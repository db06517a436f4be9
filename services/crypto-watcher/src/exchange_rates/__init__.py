"""Read the prices of currencies from several markets, and store what they agree on."""
