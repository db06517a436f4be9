"""Deposits that are priced in one currency and paid in another: the rule of what is credited. Pure.

What the payer was quoted counts at the rate that was locked, up to the quoted amount; everything
else at the rate of the moment when it is credited. Each part is rounded down, so that no deposit
creates money.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cift_shared.money.amount import Money
from cift_shared.money.rates import Rate


@dataclass(frozen=True, slots=True)
class Part:
    """An amount that is credited at one rate."""

    amount: Money
    """In the currency that was paid."""
    rate: Rate
    at_most: Money | None = None
    """For the locked rate: the quoted amount."""

    def worth(self) -> Money:
        """What is credited for it, rounded down."""
        floor = Money(math.floor(self.rate.exact(self.amount)), self.rate.to_currency)
        return floor if self.at_most is None else min(floor, self.at_most)


@dataclass(frozen=True, slots=True)
class Lock:
    """The terms that a payer was quoted."""

    asked: Money
    """What is to be paid, in the currency that is paid."""
    quoted: Money
    """What is credited for it."""
    rate: Rate
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Paid:
    """One amount that was paid."""

    minor: int
    seen_at: datetime


def to_pay(quoted: Money, rate: Rate) -> Money:
    """What a payer must send for an amount, rounded up to the smallest unit of its currency.

    Args:
        quoted: what is credited.
        rate: from the currency that is paid to that of `quoted`.
    """
    one = Money(1, rate.from_currency)
    return Money(math.ceil(quoted.minor / rate.exact(one)), rate.from_currency)


def parts_of(lock: Lock, paid: Sequence[Paid], now: Rate | None) -> list[Part] | None:
    """At which rates these amounts are credited together; None: the current rate is needed, too.

    Args:
        lock: what the payer was quoted.
        paid: in the order in which they were seen.
        now: the current rate; None while it is not known.
    """
    in_time = sum(one.minor for one in paid if one.seen_at <= lock.expires_at)
    locked = min(in_time, lock.asked.minor)
    rest = sum(one.minor for one in paid) - locked
    parts = []
    if locked:
        parts.append(Part(Money(locked, lock.rate.from_currency), lock.rate, lock.quoted))
    if rest and now is None:
        return None
    if rest and now is not None:
        parts.append(Part(Money(rest, now.from_currency), now))
    return parts


def credits_of(lock: Lock, paid: Sequence[Paid], now: Rate | None) -> list[Money] | None:
    """What each of these amounts is credited with; None: the current rate is needed, too.

    The shares add up to what `parts_of` gives for all of them.
    """
    shares, before = [], Money(0, lock.quoted.currency)
    for count in range(1, len(paid) + 1):
        parts = parts_of(lock, paid[:count], now)
        if parts is None:
            return None
        total = total_of(parts, lock.quoted.currency)
        shares.append(total - before)
        before = total
    return shares


def total_of(parts: Sequence[Part], currency: str) -> Money:
    """What these parts are credited with together."""
    return Money(sum(part.worth().minor for part in parts), currency)
