"""A payment rail outside the house: everything that it needs is in `site`."""
