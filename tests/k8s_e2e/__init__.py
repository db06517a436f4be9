"""The platform on a real Kubernetes cluster, under load and faults: `make k8s-e2e`."""
