"""What merchants are told against what happened."""

from collections.abc import Iterator

from tests.chaos.checks.finding import Finding, Kind, grouped
from tests.chaos.checks.states import statuses
from tests.chaos.evidence.facts import Event, Evidence, Payment


def every_change_is_told(evidence: Evidence) -> Iterator[Finding]:
    """Each version above the first has one event, in order, with the status of that version; so
    has the first version of money that no order asked for.

    Delivery is at least once: the same event may come again, so only its first coming counts.
    """
    events = grouped(evidence.events, lambda event: event.payment_id)
    truth = statuses(evidence)
    for payment in evidence.payments:
        first = _first_of_each(events.pop(payment.payment_id, []))
        yield from _told(payment, first)
        for event in first:
            true = truth.get((payment.payment_id, event.version))
            if event.version <= payment.version and event.status != true:
                words = f"event {event.version} says {event.status}, the ledger had {true}"
                yield Finding(Kind.EVENTS, payment.payment_id, words)
    for payment_id in events:
        yield Finding(Kind.EVENTS, payment_id, "an event of no payment")


def _told(payment: Payment, first: list[Event]) -> Iterator[Finding]:
    versions = [event.version for event in first if event.version <= payment.version]
    wanted = list(range(1 if payment.received else 2, payment.version + 1))
    if versions != wanted:
        words = f"versions {versions} were told, {wanted} happened"
        yield Finding(Kind.EVENTS, payment.payment_id, words)


def _first_of_each(events: list[Event]) -> list[Event]:
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.event_id, event)
    return list(first.values())
