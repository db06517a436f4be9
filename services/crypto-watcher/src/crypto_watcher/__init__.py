"""The process that watches chains: for each chain a unit of its own."""
