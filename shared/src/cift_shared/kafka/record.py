"""A record as handlers see it, and how they refuse one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic."""

    topic: str
    partition: int
    offset: int
    key: str | None
    body: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that can never be handled, and why; it goes to the dead-letter topic."""

    record: Record
    reason: str
    """Stable word: `undecodable`, `unknown_payment`, `handler_failed` ..."""
    detail: str
    """For people; no personal data, cut to a few hundred characters."""


Handler = Callable[[Sequence[Record]], Awaitable[Sequence[Refusal]]]
"""Handles a batch idempotently and answers what it refuses.

An infrastructure error makes the runtime offer the same batch again; any other exception makes it
halve the batch until the record that causes it stands alone.
"""
