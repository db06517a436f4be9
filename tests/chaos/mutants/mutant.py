"""A bug, and what must find it."""

from dataclasses import dataclass

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
