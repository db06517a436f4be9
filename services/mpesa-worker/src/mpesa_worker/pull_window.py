"""Compute which period of the provider's records to read next, and which one is covered.

Pure functions. A row may appear in the records some time after its payment. So a read made at `now`
covers only the time before `now` minus a lag, and the next read begins before the end of the
covered period. Covered means: every row completed in that period was requested, after the lag, and
the answer was complete.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

SECOND = timedelta(seconds=1)
"""Dates are sent in whole seconds, so a window begins one second earlier."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one kind of read."""

    lag: timedelta
    """How long after its payment a row may still be missing from the records."""
    reach: timedelta
    """How far back the provider has records."""
    newest: timedelta = timedelta(0)
    """How long before now a window ends."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The period that was read completely; both ends are None before the first complete read."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The period that one read requests, both ends in whole seconds or finer."""

    since: datetime
    until: datetime


def next_window(covered: Covered, now: datetime, rules: Rules) -> Window:
    """The period to request now: from the end of the covered one, within the provider's reach."""
    earliest, until = now - rules.reach, now - rules.newest
    since = earliest if covered.until is None else max(earliest, covered.until - SECOND)
    return Window(min(since, until), until)


def coverage_after(
    covered: Covered, window: Window, now: datetime, rules: Rules, *, all_named: bool
) -> Covered:
    """The covered period after a read that received every page.

    Args:
        covered: the covered period before the read.
        window: the requested period.
        now: when the first page was requested.
        rules: the rules of this kind of read.
        all_named: True when every row names its account. Otherwise a row may belong to any push, so
            nothing before this read counts as covered, and a new period begins.
    """
    if not all_named:
        return Covered(window.until, window.until)
    until = max(min(window.until, now - rules.lag), window.since)
    if covered.since is None or covered.until is None or window.since > covered.until:
        return Covered(window.since, until)
    return replace(covered, until=max(covered.until, until))
