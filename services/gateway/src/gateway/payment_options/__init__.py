"""What a payer can use now: matching rails, their prices, and whether they are available."""
