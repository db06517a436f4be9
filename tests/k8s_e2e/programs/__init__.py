"""Programs that run in the payer's pod."""
