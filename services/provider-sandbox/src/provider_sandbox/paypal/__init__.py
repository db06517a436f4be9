"""The PayPal twin: Orders v2, Payments v2, Payouts v1, webhooks, disputes."""
