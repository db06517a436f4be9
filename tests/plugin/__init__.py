"""A payment rail that is not part of the project: everything that it needs is in `site`."""
