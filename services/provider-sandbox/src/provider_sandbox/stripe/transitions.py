"""The allowed status changes, by kind of object; they are checked on every write.

Sources: docs.stripe.com/payments/paymentintents/lifecycle,
docs.stripe.com/api/setup_intents/object,
docs.stripe.com/refunds, docs.stripe.com/disputes/how-disputes-work.
"""

from collections.abc import Mapping

_ENDS: frozenset[str] = frozenset()
_OPEN_INTENT = {"requires_payment_method", "requires_confirmation", "requires_action"}

EDGES: Mapping[str, Mapping[str | None, frozenset[str]]] = {
    "payment_intent": {
        None: frozenset({"requires_payment_method", "requires_confirmation"}),
        **dict.fromkeys(
            _OPEN_INTENT,
            frozenset(_OPEN_INTENT | {"processing", "requires_capture", "succeeded", "canceled"}),
        ),
        "processing": frozenset(
            {"succeeded", "requires_capture", "requires_payment_method", "canceled"}
        ),
        "requires_capture": frozenset({"succeeded", "canceled"}),
        "succeeded": _ENDS,
        "canceled": _ENDS,
    },
    "setup_intent": {
        None: frozenset({"requires_payment_method", "requires_confirmation"}),
        **dict.fromkeys(
            _OPEN_INTENT, frozenset(_OPEN_INTENT | {"processing", "succeeded", "canceled"})
        ),
        "processing": frozenset({"succeeded", "requires_payment_method", "canceled"}),
        "succeeded": _ENDS,
        "canceled": _ENDS,
    },
    "charge": {
        None: frozenset({"pending", "succeeded", "failed"}),
        "pending": frozenset({"succeeded", "failed"}),
        "succeeded": _ENDS,
        "failed": _ENDS,
    },
    "refund": {
        None: frozenset({"pending", "requires_action", "succeeded"}),
        "requires_action": frozenset({"pending", "succeeded", "failed", "canceled"}),
        "pending": frozenset({"succeeded", "failed", "canceled"}),
        "succeeded": frozenset({"failed"}),  # even days later
        "failed": _ENDS,
        "canceled": _ENDS,
    },
    "dispute": {
        None: frozenset({"needs_response", "warning_needs_response"}),
        "warning_needs_response": frozenset(
            {"warning_under_review", "warning_closed", "needs_response"}
        ),
        "warning_under_review": frozenset({"warning_closed", "needs_response"}),
        "warning_closed": _ENDS,
        "needs_response": frozenset({"under_review", "won", "lost"}),
        "under_review": frozenset({"won", "lost"}),
        "won": _ENDS,
        "lost": _ENDS,
    },
}


class IllegalTransition(AssertionError):
    """The twin was about to make a status change that Stripe never makes."""


def check(kind: str, before: str | None, after: str) -> None:
    """Refuse a status change that is not in the table; an unchanged status is always allowed.

    Raises:
        IllegalTransition: the change is not in the table, which is an error of the twin itself.
    """
    edges = EDGES.get(kind)
    if edges is not None and before != after and after not in edges[before]:
        raise IllegalTransition(f"{kind}: {before} to {after}")
