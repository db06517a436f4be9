"""The twin of Safaricom Daraja (M-Pesa Kenya)."""
