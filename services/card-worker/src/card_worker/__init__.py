"""The card worker: payments, refunds, disputes and saved cards through Stripe."""
