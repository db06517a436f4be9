"""DemoPoll's part of the worker's process: a rail of its own, beside DemoPay."""
