"""What a check finds."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from tests.chaos.evidence.facts import Evidence, Movement


class Kind(StrEnum):
    """What is wrong."""

    LOST = "lost"
    """Something that was accepted, told or moved is not there."""
    DOUBLE = "double"
    """Something happened twice."""
    UNBALANCED = "unbalanced"
    """The books contradict themselves, or the provider's."""
    STUCK = "stuck"
    """Nothing will ever carry it on."""
    ILLEGAL_STATE = "illegal_state"
    """A move, a version or an answer that the table of states does not allow."""
    STALE_READ = "stale_read"
    """A client read something older than what had been read before."""
    EVENTS = "events"
    """A change that was not told once and in order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    about: str
    """A payment's id where there is one."""
    words: str
    by: str = ""
    """The check that found it."""

    def __str__(self) -> str:
        return f"{self.kind} {self.about}: {self.words} [{self.by}]"


Check = Callable[[Evidence], Iterator[Finding]]

Key = TypeVar("Key", bound=Hashable)
Fact = TypeVar("Fact")


def grouped(facts: Iterable[Fact], key: Callable[[Fact], Key]) -> dict[Key, list[Fact]]:
    """Facts by something they share, in their order."""
    groups: dict[Key, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[key(fact)].append(fact)
    return groups


def owners(evidence: Evidence) -> dict[Movement, str | None]:
    """Whose payment each movement of the provider's book is; None: nobody's."""
    payments = {payment.payment_id for payment in evidence.payments}
    of_attempt = {attempt.attempt_id: attempt.payment_id for attempt in evidence.attempts}
    of_reference = {payment.reference: payment.payment_id for payment in evidence.payments}
    found: dict[Movement, str | None] = {}
    for moved in evidence.movements:
        owner = moved.payment_id or of_attempt.get(moved.attempt_id or "")
        if moved.is_public:
            known = (of_reference.get(name) for name in sorted(moved.names))
            owner = next(filter(None, known), None)
        found[moved] = owner if owner in payments else None
    return found


def moved_by_payment(evidence: Evidence) -> dict[str, list[Movement]]:
    """The movements of each payment that has any."""
    groups: dict[str, list[Movement]] = defaultdict(list)
    for moved, owner in owners(evidence).items():
        if owner is not None:
            groups[owner].append(moved)
    return groups


def signed(moved: Movement) -> int:
    """What a movement adds to what the provider holds for us, its fee apart."""
    return moved.amount if moved.is_incoming else -moved.amount


def own_moves(evidence: Evidence) -> list[Movement]:
    """Moves between addresses of the platform that no payment asked for: they cost only a fee."""
    return [
        moved
        for moved, owner in owners(evidence).items()
        if owner is None and moved.kind == "move" and not moved.amount
    ]
