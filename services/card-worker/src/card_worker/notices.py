"""Find the attempt of a Stripe webhook. Its content is only a hint: the API is queried."""

from collections.abc import Callable

from card_worker import domain, wire
from cift_shared.ids import AttemptId

_FAMILIES = (
    "payment_intent.",
    "setup_intent.",
    "charge.",
    "refund.",
    "payment_method.",
    "radar.",
    "review.",
    "customer.",
)


def is_known(event: wire.Event) -> bool:
    """True for an event type that may be about a payment or a saved card of ours."""
    return event.type.startswith(_FAMILIES)


def find_attempt(event: wire.Event, fingerprint: Callable[[str], str]) -> AttemptId | str | None:
    """The attempt of an event: its id from our metadata, or the hash of a reference; else None.

    payment intent, setup intent, refund   the attempt id in our metadata, else the object's id
    charge, dispute                        the id of their payment intent
    """
    named = domain.attempt_in(event.metadata(domain.ATTEMPT_NAME))
    if named is not None:
        return AttemptId(named)
    kind, own_id = event.text("object"), event.text("id")
    has_attempt = kind in ("payment_intent", "setup_intent", "refund")
    reference = own_id if has_attempt else event.text("payment_intent")
    return fingerprint(reference) if reference else None
