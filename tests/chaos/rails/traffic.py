"""What the harness needs to know of a rail: its customers, and what its provider can do to them."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import httpx

from cift_shared.money.amount import EXPONENTS, Money

Drawn = tuple[dict[str, Any], dict[str, Any]]
Instrument = Callable[[random.Random, int, int], Drawn]
"""From a draw, the block of numbers of its schedule, and the customer's number in it, to the field
`payment_method` and to more fields of each order."""

REQUEST_FAULTS = (
    "delay",
    "delay_before",
    "drop_before",
    "drop_after_effect",
    "reset_mid_body",
    "html_500",
    "html_502",
    "html_503",
    "html_502_after_effect",
    "plain_upstream_error",
    "http_429",
)
CALLBACK_FAULTS = (
    "callback_lost",
    "callback_twice",
    "callback_late",
    "callback_out_of_order",
    "callback_forged",
    "callback_forged_id",
)


@dataclass(frozen=True, slots=True)
class Reversals:
    """How a provider's twin is told to take money back, and to return it."""

    reverse: Callable[[httpx.AsyncClient, str, str], Awaitable[str]]
    """From the provider's reference of a payment and an amount to the name of the reversal."""
    reinstate: Callable[[httpx.AsyncClient, str], Awaitable[None]]
    """Undoes the reversal with this name; a repeated call has no effect."""


@dataclass(frozen=True, slots=True)
class RailTraffic:
    """One rail, as customers and its twin play it."""

    method: str
    currency: str
    units: tuple[int, int]
    """Smallest and largest deposit, in whole units."""
    instrument: Instrument
    afterwards: tuple[Literal["withdrawal", "refund"], ...]
    """What may follow a deposit."""
    operations: tuple[str, ...] = ()
    """The twin's operations whose answers can go wrong."""
    answer_faults: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    """The operations or events whose webhooks can go wrong."""
    callback_faults: tuple[str, ...] = ()
    cancels: float = 0.15
    """The share of deposits that are canceled."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables that let hours of waiting pass in seconds."""
    in_schedules: Mapping[str, str] = field(default_factory=dict)
    """Variables of schedules only, where nobody commands the twin between two requests."""
    counters: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """What the provider must take once for a payment: a word for it, the twin's operation, and the
    name of its counter."""
    resolvable: str = ""
    """A query for payments of unknown outcome that the provider's records will still settle."""
    also: Mapping[str, int] = field(default_factory=dict)
    """Other currencies in which customers pay in turn, and how much more of each they pay."""
    depth: int = 0
    """Confirmations that a payment or a withdrawal must have before it counts; 0: no chain."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """The largest withdrawals that are signed, in minor units by currency."""
    factor: int = 1
    """By how much amounts are larger than `units`."""
    reversals: Reversals | None = None
    pay: Callable[[httpx.AsyncClient, dict[str, Any]], Awaitable[None]] | None = None
    """Pays what the next action of a deposit shows, at the twin; None: nobody has to."""
    recipient: Callable[[httpx.AsyncClient], Awaitable[dict[str, Any]]] | None = None
    """Makes the `payment_method` of a withdrawal at the twin; None: that of a deposit."""

    def of_customer(self, number: int) -> "RailTraffic":
        """The traffic of one customer, who has one currency; no draw depends on which."""
        currency, factor = [(self.currency, 1), *self.also.items()][number % (1 + len(self.also))]
        return replace(self, currency=currency, factor=factor)

    def deposit(self, draw: random.Random) -> str:
        """An amount to pay in."""
        return self._text(draw.randint(*self.units))

    def part(self, draw: random.Random) -> str:
        """An amount that most deposits can bear once."""
        low = self.units[0]
        return self._text(draw.randint(max(low // 4, 1), low // 2))

    def _text(self, units: int) -> str:
        minor = units * self.factor * int(10 ** EXPONENTS[self.currency])
        return Money(minor, self.currency).text


def weighted(weights: Mapping[str, int], draw: random.Random) -> str:
    """One of the keys, as often as its weight says."""
    return draw.choices(list(weights), list(weights.values()))[0]
