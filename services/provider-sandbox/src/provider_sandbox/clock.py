"""Time as the twin sees it: the machine's clock plus what a test skipped, delays by a factor."""

import time
from datetime import UTC, datetime, timedelta, timezone

NAIROBI = timezone(timedelta(hours=3), "EAT")
"""East Africa Time, without daylight saving; every Daraja timestamp is in it."""


class Clock:
    """Seconds since 1970, movable forward, with delays divided by ``speed``."""

    def __init__(self, *, speed: float, skipped_s: float = 0) -> None:
        self.speed = speed
        self.skipped_s = skipped_s

    def now(self) -> float:
        """The present, in seconds since 1970."""
        return time.time() + self.skipped_s

    def span(self, seconds: float) -> float:
        """How long a delay of the real provider lasts here, in seconds."""
        return seconds / self.speed

    def skip(self, seconds: float) -> None:
        """Move forward by seconds of this clock, not scaled."""
        self.skipped_s += seconds


def nairobi(at: float) -> datetime:
    """A point in time as Safaricom writes it."""
    return datetime.fromtimestamp(at, NAIROBI)


def utc_text(at: float) -> str:
    """A point in time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat()
