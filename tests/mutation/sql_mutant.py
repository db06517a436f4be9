"""A change of SQL that moves money, and the names of the tests that must notice one."""

from collections.abc import Sequence
from dataclasses import dataclass

ALL = 99
"""As a number of guards: every change of the place."""
_LEDGER = "tests/integration/ledger/test_"


@dataclass(frozen=True, slots=True)
class SqlMutant:
    """One change of one statement."""

    where: str
    old: str
    new: str
    tests: tuple[str, ...]
    guard: bool = False
    """True for what CI sees killed each time: a gap that moved money wrongly once."""
    is_generated: bool = False
    """True if `sql_changes` has made it: one that PostgreSQL refuses is none."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        return f"{self.where}: {_short(self.old)} → {_short(self.new)}"


def _short(text: str) -> str:
    return " ".join(text.split()) or "(nothing)"


def on(
    where: str, tests: Sequence[str], *changes: tuple[str, str], guards: int = 0
) -> list[SqlMutant]:
    """Changes of one place, old and new text each; so many of the first are guards."""
    return [
        SqlMutant(where, old, new, tuple(tests), guard=place < guards)
        for place, (old, new) in enumerate(changes)
    ]


def guarded(*names: str) -> tuple[str, ...]:
    """Single tests, or classes of them, of the guards."""
    return tuple(f"{_LEDGER}money_guards.py::{name}" for name in names)


def books(*names: str) -> tuple[str, ...]:
    """Whole files of the ledger's integration tests."""
    return tuple(f"{_LEDGER}{name}.py" for name in names)


GUARDS = books("money_guards")
CLAIMS = ("tests/integration/cift_shared/test_claims.py",)
SHARES = (
    f"{_LEDGER}refund_fees.py::test_shares_at_the_edges",
    f"{_LEDGER}refund_fees.py::test_shares_follow_the_model",
)
DISPUTES = books("dispute_totals", "reversals_and_disputes")
AFTERMATH = books("reversals_and_disputes", "money_guards")
POSTING = books("posting", "money_guards")
RECEIVED = books("as_received")
REVERSALS = tuple(
    f"{_LEDGER}reversals.py::{name}"
    for name in ("TestParts", "TestReinstated", "TestEarlierReleases")
)
UNCLAIMED = tuple(
    f"{_LEDGER}received.py::{name}"
    for name in ("TestOfAKnownOwner", "TestForPeople", "test_other_terms_stay_fixed")
)
CHARGED = books("charged")
HOLDS = books("holds", "acceptance")
ACCEPTANCE = books("acceptance", "money_guards")
