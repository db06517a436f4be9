"""The M-Pesa worker: deposits, payouts and reversals through Safaricom Daraja (Kenya)."""
