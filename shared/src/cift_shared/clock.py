"""Clocks: the wall clock and a monotonic clock, which tests can replace."""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

OFFSET = "CIFT_CLOCK_OFFSET_S"
"""For tests of clock skew only: whole seconds that are added to a process's wall clock."""


_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """The source of time; tests pass one that they control."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Monotonic seconds, for durations only."""
        ...


class SystemClock:
    """The machine's clock, with `CIFT_CLOCK_OFFSET_S` seconds added (default 0)."""

    def __init__(self) -> None:
        self._offset = timedelta(seconds=int(os.environ.get(OFFSET) or 0))

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """Monotonic seconds, for durations only; they also count while the process is paused.

        On Linux they also count while the machine is suspended, unlike `time.monotonic`.
        """
        return time.clock_gettime(_MONOTONIC)
