"""The process of a service: its loops, its instance name, its health, its shutdown."""
