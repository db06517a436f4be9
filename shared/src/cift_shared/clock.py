"""The one place that knows the time."""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

OFFSET = "CIFT_CLOCK_OFFSET_S"
"""For tests of clock skew: whole seconds by which a process's wall clock is wrong; never set it."""


class Clock(Protocol):
    """Where time comes from; tests pass one they can move."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for durations only."""
        ...


class SystemClock:
    """The machine's clock, wrong by what `CIFT_CLOCK_OFFSET_S` says, nothing by default."""

    def __init__(self) -> None:
        self._offset = timedelta(seconds=int(os.environ.get(OFFSET) or 0))

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """Seconds that never go back, for durations only."""
        return time.monotonic()
