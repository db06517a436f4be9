"""Which attempt a webhook of Stripe's is for. What it says is a hint only: the API is asked."""

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
    """True for a kind of event that may be about a payment or a card of ours."""
    return event.type.startswith(_FAMILIES)


def find_attempt(event: wire.Event, fingerprint: Callable[[str], str]) -> AttemptId | str | None:
    """The attempt an event is about: its id from our metadata, or the hash of its reference.

    payment intent, setup intent, refund   our metadata names the attempt, else their own id
    charge, dispute                        their payment intent
    """
    named = domain.attempt_in(event.metadata(domain.ATTEMPT_NAME))
    if named is not None:
        return AttemptId(named)
    kind, own_id = event.text("object"), event.text("id")
    has_attempt = kind in ("payment_intent", "setup_intent", "refund")
    reference = own_id if has_attempt else event.text("payment_intent")
    return fingerprint(reference) if reference else None
