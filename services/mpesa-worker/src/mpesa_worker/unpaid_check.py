"""Decide whether the provider's own records prove that a push was not paid. Pure functions.

All of these conditions must hold:

- the short code was registered for pulls before the push was first sent;
- complete answers cover the push's lifetime without a gap: from before it was first sent until
  after the last moment at which its prompt could be paid;
- no row carries its reference;
- the records contain a push of ours that was sent at the same time or later. This shows that the
  records contain pushes of this short code and this time. If we misread the API's dates, that push
  would be missing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class PushFacts:
    """What is known about a push, and which period of the records was read."""

    reference: str
    first_at: datetime
    """A time before the first try to send it."""
    last_at: datetime
    """A time before the latest try to send it."""
    in_records: bool
    """True when a row carries its reference."""
    registered_at: datetime | None
    covered_from: datetime | None
    covered_until: datetime | None
    witness_sent_at: datetime | None
    """When the newest of our pushes that are in the records was sent."""


@dataclass(frozen=True, slots=True)
class PaymentWindow:
    """The period in which a push can be paid."""

    clock_skew: timedelta
    """How far our clock may be ahead of the provider's."""
    lifetime: timedelta
    """From the time the push is sent to the last moment at which its prompt can be paid."""


def unmet_condition(facts: PushFacts, window: PaymentWindow) -> str | None:
    """The condition that is not met, as text for the timeline; None: the push is proven unpaid."""
    if facts.in_records:
        return "its reference is in the records"
    if facts.registered_at is None or facts.registered_at > facts.first_at:
        return "pulls were not registered before it was sent"
    since, until = facts.covered_from, facts.covered_until
    if since is None or until is None or since > facts.first_at - window.clock_skew:
        return "the records were not read from before it was sent"
    if until < facts.last_at + window.lifetime:
        return "the records are not read to the end of its lifetime"
    witness = facts.witness_sent_at
    if witness is None or witness < facts.first_at:
        return "the records have shown no push that was sent later"
    return None


def can_be_met_later(facts: PushFacts, window: PaymentWindow) -> bool:
    """False when no later read can fulfil the conditions: the time of sending is not covered."""
    registered = facts.registered_at is not None and facts.registered_at <= facts.first_at
    since = facts.covered_from
    return registered and (since is None or since <= facts.first_at - window.clock_skew)
