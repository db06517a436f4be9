"""`make chaos`: random schedules of customers and faults, one a seed."""
