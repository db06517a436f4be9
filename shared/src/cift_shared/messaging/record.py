"""A Kafka record as handlers receive it, and how they reject one."""

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
class RejectedRecord:
    """A record that can never be handled, and the reason; it goes to the dead-letter topic."""

    record: Record
    reason: str
    """Stable code: `undecodable`, `unknown_payment`, `handler_failed` ..."""
    detail: str
    """For operators; no personal data, cut to a few hundred characters."""


Handler = Callable[[Sequence[Record]], Awaitable[Sequence[RejectedRecord]]]
"""Handles a batch idempotently and returns the records that it rejects.

After an infrastructure error the subscriber passes the same batch again. After any other exception
it halves the batch until the record that causes the exception is alone.
"""
