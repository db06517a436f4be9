"""The statuses of a payment and the transitions between them; pure, no I/O.

    pending ──> processing <──> requires_action
       │            │                 │
       └────────────┴────────┬────────┘
                             ├──> completed                      money moved and is posted
                             ├──> failed | expired | canceled    no money moved
                             └──> in_review                      an operator must decide

A payment can leave `failed`, `expired` and `canceled`, but only for `in_review`: when the provider
reports later that money moved after all. No transition leaves `completed`. The table
`ledger.payment_transition` holds the same rules for SQL. `processing` and `requires_action` become
`canceled` only by a result with `canceled_at_provider`: the provider has confirmed it.
"""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """The status of a payment."""

    PENDING = "pending"
    """Accepted; the worker has sent no result yet."""
    PROCESSING = "processing"
    """The provider has received the request, or may have received it."""
    REQUIRES_ACTION = "requires_action"
    """The payer must act."""
    COMPLETED = "completed"
    """The provider confirmed finally that the money moved; it is posted."""
    FAILED = "failed"
    """The provider declined finally."""
    EXPIRED = "expired"
    """The payer did not act in time."""
    CANCELED = "canceled"
    """Stopped before anything was sent, or the provider confirmed that it moves no money."""
    IN_REVIEW = "in_review"
    """The evidence conflicts; an operator must decide."""


class Outcome(StrEnum):
    """What the ledger did with one result."""

    APPLIED = "applied"
    """The payment changed according to the result."""
    NOTED = "noted"
    """Stored as evidence; nothing visible to the merchant has changed."""
    DUPLICATE = "duplicate"
    """Nothing new: a repeated result, or one that the payment's state already reflects."""
    STALE = "stale"
    """Out of date: a later result was applied first, or the payment had ended."""
    CONFLICT = "conflict"
    """Contradicts the payment: it goes to review or, if it is final, may stay as it was."""
    UNKNOWN_PAYMENT = "unknown_payment"
    """No payment has this id and method."""


OPEN = frozenset({Status.PENDING, Status.PROCESSING, Status.REQUIRES_ACTION})
"""Statuses in which the worker is expected to send another result."""

FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.CANCELED})
"""The final statuses: what a merchant waits for."""

_UNMOVED = FINAL - {Status.COMPLETED}
_ENDS = FINAL | {Status.IN_REVIEW}

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: _ENDS | {Status.PROCESSING, Status.REQUIRES_ACTION},
    Status.PROCESSING: _ENDS | {Status.REQUIRES_ACTION},
    Status.REQUIRES_ACTION: _ENDS | {Status.PROCESSING, Status.REQUIRES_ACTION},
    Status.COMPLETED: frozenset(),
    Status.IN_REVIEW: frozenset(),
    **dict.fromkeys(_UNMOVED, frozenset({Status.IN_REVIEW})),
}
"""Every allowed transition: the statuses that may follow each status."""


def may_move(from_status: Status, to_status: Status) -> bool:
    """True when a payment may change from `from_status` to `to_status`."""
    return to_status in TRANSITIONS[from_status]
