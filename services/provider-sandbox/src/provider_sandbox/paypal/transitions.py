"""The allowed status changes, by kind of object; they are checked on every write.

Sources: developer.paypal.com, "order_status", "capture_status", "refund_status", and the item
statuses of Payouts.
"""

from collections.abc import Mapping

_ENDS: frozenset[str] = frozenset()
_OPEN_ORDER = frozenset({"APPROVED", "VOIDED", "PAYER_ACTION_REQUIRED"})

EDGES: Mapping[str, Mapping[str | None, frozenset[str]]] = {
    "order": {
        None: frozenset({"CREATED", "PAYER_ACTION_REQUIRED"}),
        "CREATED": _OPEN_ORDER,
        "PAYER_ACTION_REQUIRED": _OPEN_ORDER,
        "APPROVED": frozenset({"COMPLETED", "VOIDED", "PAYER_ACTION_REQUIRED"}),
        "COMPLETED": _ENDS,
        "VOIDED": _ENDS,
    },
    "capture": {
        None: frozenset({"COMPLETED", "PENDING", "DECLINED"}),
        "PENDING": frozenset({"COMPLETED", "DECLINED"}),
        "COMPLETED": frozenset({"PARTIALLY_REFUNDED", "REFUNDED"}),
        # Back again when a refund fails after it was promised.
        "PARTIALLY_REFUNDED": frozenset({"REFUNDED", "COMPLETED"}),
        "REFUNDED": frozenset({"PARTIALLY_REFUNDED", "COMPLETED"}),
        "DECLINED": _ENDS,
    },
    "refund": {
        None: frozenset({"COMPLETED", "PENDING"}),
        "PENDING": frozenset({"COMPLETED", "FAILED", "CANCELLED"}),
        "COMPLETED": frozenset({"FAILED"}),
        "FAILED": _ENDS,
        "CANCELLED": _ENDS,
    },
    "setup": {
        None: frozenset({"PAYER_ACTION_REQUIRED"}),
        "PAYER_ACTION_REQUIRED": frozenset({"APPROVED"}),
        "APPROVED": frozenset({"VAULTED"}),
        "VAULTED": _ENDS,
    },
    "batch": {
        None: frozenset({"PENDING"}),
        "PENDING": frozenset({"PROCESSING", "DENIED"}),
        "PROCESSING": frozenset({"SUCCESS"}),
        "SUCCESS": _ENDS,
        "DENIED": _ENDS,
    },
    "item": {
        None: frozenset({"PENDING"}),
        "PENDING": frozenset({"SUCCESS", "UNCLAIMED", "ONHOLD", "BLOCKED", "FAILED"}),
        "ONHOLD": frozenset({"SUCCESS", "FAILED", "BLOCKED"}),
        "UNCLAIMED": frozenset({"SUCCESS", "RETURNED"}),
        "SUCCESS": frozenset({"REVERSED", "REFUNDED"}),
        "RETURNED": _ENDS,
        "BLOCKED": _ENDS,
        "FAILED": _ENDS,
        "REVERSED": _ENDS,
        "REFUNDED": _ENDS,
    },
}


class IllegalTransition(AssertionError):
    """The twin was about to make a status change that PayPal never makes."""


def check(kind: str, before: str | None, after: str) -> None:
    """Refuse a status change that is not in the table; an unchanged status is always allowed.

    Raises:
        IllegalTransition: the change is not in the table, which is an error of the twin itself.
    """
    edges = EDGES.get(kind)
    if edges is not None and before != after and after not in edges[before]:
        raise IllegalTransition(f"{kind}: {before} to {after}")
