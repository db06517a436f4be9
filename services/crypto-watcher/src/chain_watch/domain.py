"""Rules of deposits on a chain that can change its mind, the same for every chain. Pure, no I/O.

    nothing seen  ->  seen  ->  confirming  ->  settled with what arrived
         └─ too late and nothing under way: expired; what comes after that is reported as received

A deposit is settled once the amount asked for is confirmed deeply enough, or, after its time, with
what is confirmed then. Each chain says itself what is deep enough (`Depths`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from cift_shared.money.amount import Money


@dataclass(frozen=True, slots=True)
class Derived:
    """An address."""

    address: str
    """As it is shown to people."""
    script: bytes
    """As blocks have it: the script of an output, or the number of an account."""


@dataclass(frozen=True, slots=True)
class Tip:
    """How far the chain is read."""

    height: int
    is_settled: bool
    """False while blocks are being undone and the new branch is not read up to its tip."""
    followed_at: datetime | None
    """When the last read began that reached the tip."""
    final_height: int | None = None
    """The highest block that can't be undone any more; None: the chain has no such block."""


class Arrival(Protocol):
    """Money that was sent to one of our addresses, where it is now."""

    @property
    def key(self) -> tuple[str, int]:
        """A hash and a place, unique on the chain."""
        ...

    @property
    def reference(self) -> str:
        """The key as text."""
        ...

    @property
    def minor(self) -> int:
        """The amount in the smallest unit of its currency."""
        ...

    @property
    def currency(self) -> str:
        """The chain's coin, or a token."""
        ...

    @property
    def first_seen_at(self) -> datetime:
        """When we saw it first."""
        ...

    @property
    def height(self) -> int | None:
        """The height of its block; None: it is in no block of our chain."""
        ...

    @property
    def block_hash(self) -> str | None:
        """Its block."""
        ...

    @property
    def is_under_way(self) -> bool:
        """True as long as it may still be confirmed."""
        ...

    def confirmations(self, tip: int) -> int:
        """The number of blocks from its own to the tip, both included; 0: in no block."""
        ...


ArrivalType = TypeVar("ArrivalType", bound=Arrival)
ArrivalIn_contra = TypeVar("ArrivalIn_contra", bound=Arrival, contravariant=True)


class Depths(Protocol[ArrivalIn_contra]):
    """When money counts as final."""

    def needed(self, minor: int) -> str:
        """What a payment of this total needs, as a payer is shown it."""
        ...

    def is_deep(self, arrival: ArrivalIn_contra, total: int, tip: Tip) -> bool:
        """True if the money counts as final in a payment of this total."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A deposit's terms."""

    minor: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Awaited:
    """Nothing is under way."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Money is under way, not enough of it is confirmed."""

    minor: int
    confirmations: int
    """Of the arrival with the fewest."""


@dataclass(frozen=True, slots=True)
class Settle(Generic[ArrivalType]):
    """These arrivals settle the deposit."""

    arrivals: Sequence[ArrivalType]

    @property
    def minor(self) -> int:
        """What arrived."""
        return sum(one.minor for one in self.arrivals)


@dataclass(frozen=True, slots=True)
class TooLate:
    """The time is over and nothing is under way."""


def judge(
    asked: Asked,
    arrivals: Sequence[ArrivalType],
    tip: Tip,
    depths: Depths[ArrivalType],
    *,
    dust: int,
) -> Awaited | Seen | Settle[ArrivalType] | TooLate:
    """What arrived for a deposit, and what follows from it.

    Its time is over only once the chain was read up to its tip after `expires_at`: money that came
    in time is found first, however long no node answered.
    """
    counted = [one for one in arrivals if one.is_under_way and one.minor >= dust]
    is_over = tip.followed_at is not None and tip.followed_at >= asked.expires_at
    if not counted:
        return TooLate() if is_over and tip.is_settled else Awaited()
    total = sum(one.minor for one in counted)
    deep = [one for one in counted if depths.is_deep(one, total, tip)]
    enough = sum(one.minor for one in deep) >= asked.minor
    if tip.is_settled and deep and (enough or (is_over and len(deep) == len(counted))):
        return Settle(deep)
    return Seen(total, min(one.confirmations(tip.height) for one in counted))


def shown(verdict: Awaited | Seen, currency: str) -> Mapping[str, str]:
    """The progress that a payer is shown: what arrived, confirmations."""
    minor, count = (
        (0, 0) if isinstance(verdict, Awaited) else (verdict.minor, verdict.confirmations)
    )
    return {"received": Money(minor, currency).text, "confirmations": str(count)}
