"""What is credited for arrivals whose payment is priced in another currency. Pure, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from chain_watch.domain import Arrival, ArrivalType
from cift_shared.errors import InvalidCommand, RateStale
from cift_shared.messaging.exchange import Exchanged, ExchangedPart, LockedExchange
from cift_shared.money.amount import Money
from cift_shared.money.exchange import Lock, Paid, Part, credits_of, parts_of, total_of
from cift_shared.money.rates import Rate, RateSource


@dataclass(frozen=True, slots=True)
class Credit(Generic[ArrivalType]):
    """An arrival with its share of what is credited."""

    arrival: ArrivalType
    amount: Money


@dataclass(frozen=True, slots=True)
class Exchange(Generic[ArrivalType]):
    """Several arrivals, as they are credited together."""

    credits: Sequence[Credit[ArrivalType]]
    amount: Money
    """What is credited for all of them."""
    exchanged: Exchanged


def current_rate(
    rates: RateSource | None, paid_in: str, currency: str, at: datetime
) -> Rate | None:
    """The rate at which an amount is credited now; None while it is not known."""
    if rates is None:
        return None
    try:
        return rates.rate(paid_in, currency, at)
    except (InvalidCommand, RateStale):
        return None


def exchange(
    arrivals: Sequence[ArrivalType], terms: LockedExchange, quoted: Money, now: Rate | None
) -> Exchange[ArrivalType] | None:
    """What a deposit is credited with; None: the current rate is needed, and not known.

    Args:
        arrivals: what settles the deposit.
        terms: what its payer was quoted.
        quoted: what is credited for that.
        now: the current rate.
    """
    lock = terms.lock(quoted)
    ordered = sorted(arrivals, key=lambda one: (one.first_seen_at, one.key))
    paid = [Paid(one.minor, one.first_seen_at) for one in ordered]
    parts, shares = parts_of(lock, paid, now), credits_of(lock, paid, now)
    if parts is None or shares is None:
        return None
    return _together(lock, parts, [Credit(*pair) for pair in zip(ordered, shares, strict=True)])


def _together(
    lock: Lock, parts: Sequence[Part], credits_: Sequence[Credit[ArrivalType]]
) -> Exchange[ArrivalType]:
    sent = sum(part.amount.minor for part in parts)
    exchanged = Exchanged(
        amount=Money(sent, lock.asked.currency), parts=[ExchangedPart.of(part) for part in parts]
    )
    return Exchange(credits_, total_of(parts, lock.quoted.currency), exchanged)


def at_current_rate(arrival: Arrival, now: Rate) -> tuple[Money, Exchanged]:
    """What an arrival without an open deposit is credited with."""
    part = Part(Money(arrival.minor, now.from_currency), now)
    return part.worth(), Exchanged(amount=part.amount, parts=[ExchangedPart.of(part)])
