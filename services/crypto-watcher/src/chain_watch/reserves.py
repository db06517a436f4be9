"""Do the chain, the watcher and the ledger agree on what we hold? Pure, no I/O.

    holding    what a coin or an address of ours has: as the watcher has it, and as the nodes say
    movement   what a payment or a charge has moved: on the chain up to the same block, and what the
               ledger was told of it
    booked     what the ledger has posted for it

Whatever is between the two ends has a name, so that for each currency

    nodes = ledger + open items + own money + differences
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Open(StrEnum):
    """Why the chain and the ledger may differ for a while."""

    NOT_CREDITED = "not_credited"
    """It has arrived, and waits for its depth, its transaction's name, a rate or an operator."""
    DUST = "dust"
    """It has arrived, and is too little to be credited."""
    WITHDRAWAL = "withdrawal"
    """It has left in a block that is not deep enough."""
    NETWORK_FEE = "network_fee"
    """The fee of a transaction of ours that the ledger was not told."""
    UNDONE = "undone"
    """It was booked, and its block is undone."""
    IN_REVIEW = "in_review"
    """An operator decides what is booked."""
    NOT_FOUND_YET = "not_found_yet"
    """Ether that no transaction sent to the address: it is found once it is final."""


class Finding(StrEnum):
    """What must not be."""

    NODES_DIFFER = "nodes_differ"
    """The nodes say another amount than the watcher."""
    BOOKED_OTHERWISE = "booked_otherwise"
    """The ledger has posted another amount than it was told, or something it was not told."""
    MOVED_BY_OTHERS = "moved_by_others"
    """Somebody else has used one of our keys."""
    UNEXPLAINED = "unexplained"
    """What the watcher has is not the sum of what was moved and of our own money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a coin or an address has of one currency, in its smallest unit."""

    name: str
    currency: str
    watcher: int
    nodes: int
    may_grow: bool = False
    """True if the nodes may see money earlier than the watcher."""

    def at_nodes(self, minor: int) -> "Holding":
        """The same with what the nodes say."""
        return replace(self, nodes=minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What moved for one reason; more than zero: to us."""

    name: str
    """The payment, or how the ledger names the posting; not booked: the chain's name."""
    currency: str
    chain: int
    told: int | None
    """What the ledger was told; None: an operator or the chain decides, so what it has is right."""
    reason: Open | Finding
    """What it means if both differ."""


@dataclass(frozen=True, slots=True)
class Line:
    """A part of the difference between the nodes and the ledger."""

    reason: Open | Finding
    name: str
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserves:
    """What we hold of one currency on a chain, in its smallest unit."""

    currency: str
    nodes: int
    watcher: int
    booked: int
    own: int
    """Money of the house that the ledger does not have."""
    opened: Sequence[Line]
    findings: Sequence[Line]

    @property
    def agrees(self) -> bool:
        """True if nothing needs an operator."""
        return not self.findings


def compare(
    currency: str,
    holdings: Sequence[Holding],
    movements: Sequence[Movement],
    booked: Mapping[str, int],
    *,
    own: int | None,
) -> Reserves:
    """What is held of a currency, and every part of the difference to the ledger.

    Args:
        currency: the currency.
        holdings: of this and other currencies.
        movements: of this and other currencies.
        booked: what the ledger has posted of this currency, by name.
        own: the money of the house that the ledger does not have; None: whatever is left over.
    """
    held = [one for one in holdings if one.currency == currency]
    moved = [one for one in movements if one.currency == currency]
    lines = [*_at_nodes(held), *_in_between(moved, booked), *_booked_otherwise(moved, booked)]
    watcher = sum(one.watcher for one in held)
    rest = watcher - sum(one.chain for one in moved)
    ours = max(rest, 0) if own is None else own
    if rest != ours:
        lines.append(Line(Finding.UNEXPLAINED, currency, rest - ours))
    return Reserves(
        currency=currency,
        nodes=sum(one.nodes for one in held),
        watcher=watcher,
        booked=sum(booked.values()),
        own=ours,
        opened=[one for one in lines if isinstance(one.reason, Open)],
        findings=[one for one in lines if isinstance(one.reason, Finding)],
    )


def _at_nodes(holdings: Sequence[Holding]) -> list[Line]:
    found = []
    for one in holdings:
        more = one.nodes - one.watcher
        if more:
            is_early = one.may_grow and more > 0
            reason = Open.NOT_FOUND_YET if is_early else Finding.NODES_DIFFER
            found.append(Line(reason, one.name, more))
    return found


def _in_between(movements: Sequence[Movement], booked: Mapping[str, int]) -> list[Line]:
    """What the chain has and the ledger was not told, or the other way round."""
    undecided = _undecided(movements)
    found = [
        Line(one.reason, one.name, one.chain - (one.told or 0))
        for one in movements
        if one.name not in undecided
    ]
    for name in sorted(undecided):
        mine = [one for one in movements if one.name == name]
        reason = next(one.reason for one in mine if one.told is None)
        found.append(Line(reason, name, sum(one.chain for one in mine) - booked.get(name, 0)))
    return [one for one in found if one.minor]


def _booked_otherwise(movements: Sequence[Movement], booked: Mapping[str, int]) -> list[Line]:
    undecided = _undecided(movements)
    told: dict[str, int] = defaultdict(int)
    for one in movements:
        told[one.name] += one.told or 0
    return [
        Line(Finding.BOOKED_OTHERWISE, name, told.get(name, 0) - booked.get(name, 0))
        for name in sorted({*told, *booked} - undecided)
        if told.get(name, 0) != booked.get(name, 0)
    ]


def _undecided(movements: Sequence[Movement]) -> set[str]:
    return {one.name for one in movements if one.told is None}
