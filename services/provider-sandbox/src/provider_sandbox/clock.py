"""The twin's clock: the machine's clock plus skipped time, with delays divided by a factor."""

import time
from datetime import UTC, datetime, timedelta, timezone

NAIROBI = timezone(timedelta(hours=3), "EAT")
"""East Africa Time, without daylight saving time. Every Daraja timestamp is in this zone."""


class Clock:
    """Unix time that can be moved forward, with delays divided by ``speed``."""

    def __init__(self, *, speed: float, skipped_s: float = 0) -> None:
        self.speed = speed
        self.skipped_s = skipped_s

    def now(self) -> float:
        """The current time, in seconds since 1970."""
        return time.time() + self.skipped_s

    def span(self, seconds: float) -> float:
        """A delay of the real provider in seconds of the twin."""
        return seconds / self.speed

    def skip(self, seconds: float) -> None:
        """Move the clock forward by this many seconds, not scaled."""
        self.skipped_s += seconds


def nairobi(at: float) -> datetime:
    """A Unix time as a datetime in Nairobi, the zone of Safaricom's timestamps."""
    return datetime.fromtimestamp(at, NAIROBI)


def utc_text(at: float) -> str:
    """A Unix time as RFC 3339 text in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat()
