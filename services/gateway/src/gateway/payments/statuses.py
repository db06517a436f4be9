"""Types and statuses of payments."""

from typing import Literal

AnyPaymentType = Literal["deposit", "withdrawal", "refund"]
PaymentStatus = Literal[
    "pending",
    "processing",
    "requires_action",
    "completed",
    "failed",
    "expired",
    "canceled",
    "in_review",
]
FINAL_STATUSES = frozenset({"completed", "failed", "expired", "canceled"})
