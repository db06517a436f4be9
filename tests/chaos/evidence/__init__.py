"""What the checker reads at the end of a run, as plain facts, and how it is read."""
