"""The worker of DemoPay."""
