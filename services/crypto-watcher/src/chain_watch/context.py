"""What deposits of a chain are made of: terms, tables, stores, clock, timeline."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic

from chain_watch.domain import ArrivalType, Depths, Derived, Tip
from cift_shared.attempts.processor import PROVIDER_UNAVAILABLE
from cift_shared.clock import Clock
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import Step
from cift_shared.money.amount import Money
from cift_shared.money.rates import RateSource
from cift_shared.rails.rail import Rail

FOLLOWED_WITHIN = timedelta(seconds=120)
"""From this age of the last read that reached the tip on, no deposit is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables(Generic[ArrivalType]):
    """How a chain's schema names what every chain has."""

    schema: str
    arrivals: str
    """The table of what arrived."""
    hash: str
    """Its columns: the two of the key, and the amount."""
    place: str
    amount: str
    fields: Sequence[str]
    """The columns that an arrival is made of."""
    arrival: Callable[..., ArrivalType]
    currency: str
    """The currency of a row of them (`o`), in SQL."""
    tip: Sequence[str] = ("height", "is_settled", "followed_at")
    """The columns of the tip."""
    address_also: tuple[str, str] = ("", "")
    """One more column of a new address, and the value that it gets, in SQL."""

    def sql(self, text: str) -> str:
        """A statement for these tables."""
        return text.format(
            schema=self.schema,
            arrivals=f"{self.schema}.{self.arrivals}",
            hash=self.hash,
            place=self.place,
            amount=self.amount,
            currency=self.currency,
            fields=", ".join(f"o.{name}" for name in self.fields),
            tip=", ".join(self.tip),
            column=self.address_also[0],
            value=self.address_also[1],
        )

    def read(self, row: Any) -> ArrivalType:
        """An arrival from a row of the database."""
        return self.arrival(**{name: row[name] for name in self.fields})


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """A token of the chain."""

    contract: str
    """As payers are shown it."""
    dust: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(Generic[ArrivalType]):
    """On which terms a chain's deposits are taken and credited."""

    rail: Rail
    currency: str
    instrument: Instrument
    """The payer of money that came without a deposit."""
    depths: Depths[ArrivalType]
    dust: int
    """Less is recorded and credited to nobody."""
    action_timeout: timedelta
    """How long a payer has."""
    park_after: timedelta
    """With one address for all deposits: how long money waits for a caller to name it."""
    livemode: bool
    network: str
    """As payers are shown it."""
    uri: Callable[[str, Money], str]
    """What wallets open, of address and amount."""
    transaction_of: Callable[[str], str | None]
    """A transaction that a caller named, as the chain writes it; None: it is none."""
    doubt: Callable[[ArrivalType], str | None] = lambda _: None
    """Why a second source does not confirm what the nodes say of an arrival; None: it does, or is
    not asked."""
    tokens: Mapping[str, TokenTerms] = field(default_factory=dict)
    """What is received beside the chain's coin, by currency."""

    @property
    def dusts(self) -> Mapping[str, int]:
        """By currency, what is too little to be credited."""
        return {self.currency: self.dust} | {name: one.dust for name, one in self.tokens.items()}

    def details(self, currency: str) -> Mapping[str, str]:
        """What else a payer is shown: the contract of a token."""
        return {"contract": self.tokens[currency].contract} if currency in self.tokens else {}


@dataclass
class WatchState:
    """How far the chain is read, as this process knows it; a loop keeps it up to date."""

    clock: Clock
    tip: Tip | None = None
    rates: RateSource | None = None
    """The rates at which amounts are credited in other currencies; None: none is known."""

    def unavailable_reason(self) -> str | None:
        """Why no deposit can be taken now; None: it can."""
        at = self.tip.followed_at if self.tip is not None else None
        is_new = at is not None and self.clock.now() - at < FOLLOWED_WITHIN
        return None if is_new else PROVIDER_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Context(Generic[ArrivalType]):
    """The dependencies of deposits, without their store."""

    terms: Terms[ArrivalType]
    watch: WatchState
    clock: Clock
    derive: Callable[[int], Derived]
    """The address of an index."""
    shared: Derived | None = field(default=None)
    """The address of all deposits; None: each has its own."""

    def step(self, name: str, detail: Mapping[str, object] | None = None) -> Step:
        """A step for the timeline, now."""
        return Step.of(self.clock.now(), f"{self.terms.rail.name}.{name}", detail or {})
