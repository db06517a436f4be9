"""What the provider twins say on the wire and what they do with money."""
