"""Scheduled events: a table of due events that survives a restart."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from provider_sandbox.clock import Clock
from provider_sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Event:
    """One scheduled event."""

    seq: int
    due_at: float
    kind: str
    payload: dict[str, Any]


class ScheduledEvents:
    """Adds, finds and removes due events; ``wake`` is set when the next one is due earlier.

    While an event is handled, ``origin`` is the time at which it was due. The delays of the events
    that it adds count from there, so a late loop, a restart or a skipped hour shifts nothing.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._next_at = float("inf")  # nothing is scheduled yet
        self.origin: float | None = None
        self.wake = asyncio.Event()

    def add(self, kind: str, payload: dict[str, Any], *, after_s: float) -> None:
        """Schedule an event, inside the caller's transaction; the clock scales the delay."""
        origin = self._clock.now() if self.origin is None else self.origin
        due_at = origin + self._clock.span(after_s)
        self._store.insert("agenda", due_at=due_at, kind=kind, payload=json.dumps(payload))
        if due_at < self._next_at:
            self.wake.set()

    def next_due(self) -> Event | None:
        """The oldest event that is due."""
        row = self._store.one(
            "SELECT * FROM agenda WHERE due_at <= ? ORDER BY due_at, seq LIMIT 1",
            (self._clock.now(),),
        )
        if row is None:
            return None
        return Event(row["seq"], row["due_at"], row["kind"], json.loads(row["payload"]))

    def remove(self, seq: int) -> None:
        """Remove an event, inside the transaction of its effect."""
        self._store.execute("DELETE FROM agenda WHERE seq = ?", (seq,))

    def cancel(self, kind: str, about: str) -> None:
        """Remove the events of a kind about one object, whose time no longer matters."""
        self._store.execute(
            "DELETE FROM agenda WHERE kind = ? AND json_extract(payload, '$.id') = ?", (kind, about)
        )

    def seconds_to_next(self) -> float | None:
        """Seconds until the next event is due; None when nothing is scheduled."""
        row = self._store.one("SELECT min(due_at) AS due_at FROM agenda")
        if row is None or row["due_at"] is None:
            self._next_at = float("inf")
            return None
        self._next_at = row["due_at"]
        return max(0.0, self._next_at - self._clock.now())

    def change_speed(self, speed: float) -> None:
        """Run at another speed from now on; rescale the remaining delays of scheduled events."""
        now, ratio = self._clock.now(), self._clock.speed / speed
        self._store.execute(
            "UPDATE agenda SET due_at = ? + (due_at - ?) * ? WHERE due_at > ?",
            (now, now, ratio, now),
        )
        self._clock.speed = speed
        self.wake.set()

    def skip(self, seconds: float) -> None:
        """Move the clock forward, and store the jump for the next start."""
        self._clock.skip(seconds)
        self._store.set_meta("skipped_s", repr(self._clock.skipped_s))
        self.wake.set()

    def overdue(self) -> int:
        """The number of events that are due but not yet handled."""
        row = self._store.one(
            "SELECT count(*) AS n FROM agenda WHERE due_at <= ?", (self._clock.now(),)
        )
        return 0 if row is None else int(row["n"])

    def counts(self) -> dict[str, int]:
        """The number of scheduled events of each kind."""
        rows = self._store.all("SELECT kind, count(*) AS n FROM agenda GROUP BY kind")
        return {row["kind"]: row["n"] for row in rows}
