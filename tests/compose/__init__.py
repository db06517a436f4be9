"""The containers of `deploy/compose`, run and paid with: `make compose-smoke`."""
