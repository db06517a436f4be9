"""The twin of M-Pesa Tanzania: Vodacom's M-Pesa OpenAPI."""
