"""Clocks for tests that let time pass while the machine's clock goes on."""

from datetime import datetime, timedelta

from cift_shared.clock import SystemClock


class ShiftedClock(SystemClock):
    """The machine's clock, plus the time that a test lets pass."""

    def __init__(self) -> None:
        super().__init__()
        self._shift = timedelta(0)

    def advance(self, by: timedelta) -> None:
        self._shift += by

    def now(self) -> datetime:
        return super().now() + self._shift

    def monotonic(self) -> float:
        return super().monotonic() + self._shift.total_seconds()
