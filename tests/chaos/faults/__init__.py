"""Applies faults to a cluster and ends them."""
