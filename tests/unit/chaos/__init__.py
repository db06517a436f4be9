"""The checker of the chaos runs, held against spoiled evidence."""
