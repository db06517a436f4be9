"""M-Pesa Tanzania in the mpesa-worker: a rail of its own, through Vodacom's M-Pesa OpenAPI."""
