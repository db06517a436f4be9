"""Reconciliation: compare lines of the provider's statement with items of the ledger; pure, no I/O.

Lines and items that share a reference belong together, however many there are on either side: one
settlement line may cover ten payments, one payment may have a line for its money and one for the
charge. So both sides are sorted into groups, and each group has one verdict:

    matched           both sides, equal
    amount_mismatch   both sides, not equal
    missing_here      lines only: the provider has a movement that the ledger does not have
    missing_there     items only: the ledger has a movement that the provider does not have
    in_transit        one side only, too near to the edge of the period to decide

Every line and item inside the period is in exactly one group, and the groups' differences sum to
the difference of the two sides, whatever the order of the input.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from cift_shared.rails.statements import ProviderLine


class Verdict(StrEnum):
    """The result of the comparison for one group."""

    MATCHED = "matched"
    AMOUNT_MISMATCH = "amount_mismatch"
    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    IN_TRANSIT = "in_transit"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookItem:
    """What one payment moved at the provider, according to the ledger."""

    item_id: str
    """Its permanent id: the payment's id, or the transaction's id when there is no payment."""
    at: datetime
    """When its first posting took effect."""
    gross: int
    """Minor units: money in is positive, money out is negative."""
    fee: int
    """What the provider charged, as we posted it, minor units."""
    currency: str
    references: tuple[str, ...]
    """The provider references that we know; may be empty."""
    hints: tuple[str, ...] = ()
    """Weaker names, as in `ProviderLine.hints`; used only when we know no reference."""

    @property
    def net(self) -> int:
        """The change of the balance at the provider, minor units."""
        return self.gross - self.fee


@dataclass(frozen=True, slots=True)
class Window:
    """The period of a reconciliation.

    A line or item without its other side less than `tolerance` before the end is in transit: the
    other side may come later. The next run covers that part again, so each one gets a verdict.
    """

    since: datetime
    until: datetime
    """End of the period, not included."""
    tolerance: timedelta
    follows: bool
    """True when an earlier run covers the time directly before `since`."""

    def __contains__(self, member: object) -> bool:
        """Whether a line or item is in the period, or in the part that the last run left open."""
        if not isinstance(member, ProviderLine | BookItem):
            return False
        first = self.since - self.tolerance if self.follows else self.since
        return first <= member.at < self.until

    def in_transit(self, member: "ProviderLine | BookItem") -> bool:
        """Whether the other side may come later, or be in a statement that we do not have.

        The ledger posts money after the provider moved it, so the line of an item near the start of
        the period may be in the statement before.
        """
        if member.at >= self.until - self.tolerance:
            return True
        early = member.at < self.since + self.tolerance
        return isinstance(member, BookItem) and early and not self.follows


@dataclass(frozen=True, slots=True)
class Group:
    """Lines and items that belong together."""

    verdict: Verdict
    lines: tuple[ProviderLine, ...]
    items: tuple[BookItem, ...]
    currency: str

    @property
    def theirs(self) -> int:
        """The amount moved according to the provider, minor units."""
        return sum(line.net for line in self.lines)

    @property
    def ours(self) -> int:
        """The amount moved according to the ledger, minor units."""
        return sum(item.net for item in self.items)

    @property
    def difference(self) -> int:
        """The amount that the ledger lacks (positive) or has too much (negative), minor units."""
        return self.theirs - self.ours

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that another run may have used for it; the first is the group's own name."""
        references = {
            name for side in (self.lines, self.items) for m in side for name in m.references
        }
        return (*sorted(references), *sorted(item.item_id for item in self.items))


_Member = TypeVar("_Member", ProviderLine, BookItem)
_Members = tuple[ProviderLine | BookItem, ...]
_Name = tuple[str, str]
"""Currency, and reference or hint: the same reference in another currency is another name."""


_NamesOf = Callable[[ProviderLine | BookItem], Iterator[_Name]]


def reconcile(
    lines: Iterable[ProviderLine], items: Iterable[BookItem], window: Window
) -> list[Group]:
    """Sort both sides into groups with their verdicts, in the order of their names.

    Lines and items outside the window may be given, so that those near its edges find their other
    side; a group that is completely outside is left out.
    """
    members: list[ProviderLine | BookItem] = [*lines, *items]
    named = _join([(member,) for member in members], _references, needs_both=False)
    one_sided = [group for group in named if not _both(group)]
    hinted = _join(one_sided, _hints, needs_both=True)
    judged = [_judge(group, window) for group in [*filter(_both, named), *hinted]]
    return sorted(filter(None, judged), key=lambda group: (group.currency, group.names))


def _references(member: ProviderLine | BookItem) -> Iterator[_Name]:
    return ((member.currency, name) for name in member.references)


def _hints(member: ProviderLine | BookItem) -> Iterator[_Name]:
    known = isinstance(member, BookItem) and member.references
    return ((member.currency, name) for name in (() if known else member.hints))


def _join(groups: Sequence[_Members], names: _NamesOf, *, needs_both: bool) -> list[_Members]:
    """Join groups that share a name; with `needs_both` only when that joins lines with items."""
    by_name: dict[_Name, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        for name in {name for member in group for name in names(member)}:
            by_name[name].append(place)
    leader = list(range(len(groups)))

    def head(place: int) -> int:
        while leader[place] != place:
            leader[place] = place = leader[leader[place]]
        return place

    for places in by_name.values():
        if not needs_both or _both([member for place in places for member in groups[place]]):
            for place in places[1:]:
                leader[head(place)] = head(places[0])
    joined: dict[int, list[ProviderLine | BookItem]] = defaultdict(list)
    for place, group in enumerate(groups):
        joined[head(place)].extend(group)
    return [tuple(members) for members in joined.values()]


def _both(members: Sequence[ProviderLine | BookItem]) -> bool:
    return len({type(member) for member in members}) == 2


def _judge(members: _Members, window: Window) -> Group | None:
    if not any(member in window for member in members):
        return None
    lines = tuple(sorted(_of(ProviderLine, members), key=lambda line: (line.at, line.external_id)))
    items = tuple(sorted(_of(BookItem, members), key=lambda item: (item.at, item.item_id)))
    group = Group(Verdict.MATCHED, lines, items, members[0].currency)
    return replace(group, verdict=_verdict(group, window))


def _verdict(group: Group, window: Window) -> Verdict:
    if group.lines and group.items:
        return Verdict.AMOUNT_MISMATCH if group.difference else Verdict.MATCHED
    if all(window.in_transit(member) for member in group.lines or group.items):
        return Verdict.IN_TRANSIT
    return Verdict.MISSING_HERE if group.lines else Verdict.MISSING_THERE


def _of(kind: type[_Member], members: _Members) -> list[_Member]:
    return [member for member in members if isinstance(member, kind)]
