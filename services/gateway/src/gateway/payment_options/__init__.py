"""What a payer can use now: rails that fit, their prices, and whether their providers answer."""
