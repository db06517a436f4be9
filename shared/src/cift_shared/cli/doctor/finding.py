"""The result of one check of `cift doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """The grade of a finding."""

    OK = "ok"
    WARN = "warn"
    """Works now, but not forever or not in every case."""
    FAIL = "fail"
    """Services do not work in this state."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report."""

    name: str
    """Stable, for programs: `database.version`."""
    grade: Grade
    seen: str
    """What was found."""
    advice: str = ""
    """What to do; empty if nothing is to be done."""


def ok(name: str, seen: str) -> Finding:
    """A finding without a problem."""
    return Finding(name, Grade.OK, seen)


def warn(name: str, seen: str, advice: str) -> Finding:
    """A finding about something that works for now."""
    return Finding(name, Grade.WARN, seen, advice)


def fail(name: str, seen: str, advice: str) -> Finding:
    """A finding about something with which services do not work."""
    return Finding(name, Grade.FAIL, seen, advice)
