"""The rules of a payment's life: pure, no I/O.

    pending ──> processing <──> requires_action
       │            │                 │
       └────────────┴────────┬────────┘
                             ├──> completed                      money moved, and is booked
                             ├──> failed | expired | canceled    nothing moved
                             └──> in_review                      people must look

Of the final states only those in which nothing moved can be left, and only for `in_review`: when
money turns out to have moved after all. `ledger.payment_transition` says the same to SQL.
"""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """Where a payment is in its life."""

    PENDING = "pending"
    """Accepted; the worker has not spoken yet."""
    PROCESSING = "processing"
    """The provider has it, or may have it."""
    REQUIRES_ACTION = "requires_action"
    """The payer must do something."""
    COMPLETED = "completed"
    """The provider's final yes, booked."""
    FAILED = "failed"
    """The provider's final no."""
    EXPIRED = "expired"
    """Nobody acted in time."""
    CANCELED = "canceled"
    """Stopped before anything was sent."""
    IN_REVIEW = "in_review"
    """Evidence conflicts; people must look."""


class Outcome(StrEnum):
    """What became of one result."""

    APPLIED = "applied"
    """The payment changed as the result said."""
    NOTED = "noted"
    """Kept as evidence; nothing the merchant sees has changed."""
    DUPLICATE = "duplicate"
    """Known already."""
    STALE = "stale"
    """Overtaken by a later result."""
    CONFLICT = "conflict"
    """Contradicts the payment: it went to review, or, being final, stayed as it was."""
    UNKNOWN_PAYMENT = "unknown_payment"
    """No payment of that id and method."""


OPEN = frozenset({Status.PENDING, Status.PROCESSING, Status.REQUIRES_ACTION})
"""The worker is expected to speak again."""

FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.CANCELED})
"""The answer the merchant was waiting for."""

_UNMOVED = FINAL - {Status.COMPLETED}
_ENDS = frozenset({Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.IN_REVIEW})

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: _ENDS | {Status.PROCESSING, Status.REQUIRES_ACTION, Status.CANCELED},
    Status.PROCESSING: _ENDS | {Status.REQUIRES_ACTION},
    Status.REQUIRES_ACTION: _ENDS | {Status.PROCESSING, Status.REQUIRES_ACTION},
    Status.COMPLETED: frozenset(),
    Status.IN_REVIEW: frozenset(),
    **dict.fromkeys(_UNMOVED, frozenset({Status.IN_REVIEW})),
}
"""Every allowed move, by where it starts."""


def may_move(from_status: Status, to_status: Status) -> bool:
    """True when a payment in one state may go to the other."""
    return to_status in TRANSITIONS[from_status]
