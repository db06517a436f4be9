"""The plugin's rails in `make chaos`: their traffic, and a run with both of them installed."""
