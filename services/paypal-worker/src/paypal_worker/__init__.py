"""The PayPal worker: orders, captures and refunds through PayPal's REST API."""
