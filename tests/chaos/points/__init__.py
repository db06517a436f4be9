"""`make chaos-points`: every service is killed once at each of its fail points."""
