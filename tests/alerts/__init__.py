"""Alerts from a metric to the people who are told; needs Debian's Prometheus and Alertmanager."""
