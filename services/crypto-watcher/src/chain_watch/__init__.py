"""What the watchers of all chains share: calls to nodes, agreement of nodes, fenced writes."""
