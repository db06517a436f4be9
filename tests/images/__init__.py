"""The container images of the services, built and started: `make test-images`."""
