"""A bug, and what must find it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.mutants.source import Edit


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug.

    Attributes:
        name: What it is called.
        breaks: What the services no longer do.
        scenario: The scenario that shows it.
        found_by: The checks that may find it; one of them must.
        edits: The bug itself.
    """

    name: str
    breaks: str
    scenario: str
    found_by: tuple[str, ...]
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """Bugs that are tried together."""

    mutants: Sequence[Mutant]
    scenarios: str
    """The module with their scenarios: `SCENARIOS`, by name."""
    with_two: frozenset[str] = frozenset()
    """Scenarios that need two processes of each service."""
    path: Sequence[str] = ()
    """More folders to import from, behind the services."""
    env: Mapping[str, str] = field(default_factory=dict)
    """More variables for every process."""
