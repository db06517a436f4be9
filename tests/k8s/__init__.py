"""Checks of the manifests in `deploy/k8s`, without a cluster: `make k8s-check`."""
