"""Topics that fail alone: their rows wait in the outbox, and rows of other topics are published.

Such a topic is missing, forbidden, or refuses a record, while the broker works for other topics.
The relay leaves its rows out of the next batches until a delay ends, which doubles with each
failure up to `HOLD_S_MAX`. Then its oldest rows are tried first, so the messages of one key keep
their order.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cift_shared.clock import Clock
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.waiting import backoff_s

HOLD_S_MIN = 1.0
HOLD_S_MAX = 30.0

log = get_logger()


@dataclass(slots=True)
class _Outage:
    """One topic that fails; times are monotonic seconds."""

    since: float
    oldest_at: float
    """When its oldest row was written."""
    reason: str = ""
    failures: int = 0
    retry_at: float = 0.0
    waiting: int = 0


class HeldTopics:
    """The failing topics of one schema's outbox."""

    def __init__(self, schema: str, clock: Clock) -> None:
        self._schema = schema
        self._clock = clock
        self._outages: dict[str, _Outage] = {}

    @property
    def names(self) -> list[str]:
        """The topics whose rows must not be read now."""
        now = self._clock.monotonic()
        return sorted(name for name, each in self._outages.items() if now < each.retry_at)

    @property
    def waiting(self) -> int:
        """The number of rows that wait for these topics, from the last count."""
        return sum(each.waiting for each in self._outages.values())

    @property
    def oldest_age_s(self) -> float:
        """The age of the oldest row that waits for one of these topics; 0: none waits."""
        now = self._clock.monotonic()
        return max((now - each.oldest_at for each in self._outages.values()), default=0)

    def note(self, rows: Sequence[Any], flags: Sequence[bool], failing: Mapping[str, str]) -> None:
        """Record which rows of a batch were published.

        Args:
            rows: rows of the outbox, in their order.
            flags: True for each row that the broker has confirmed.
            failing: the reason for each topic that failed alone.
        """
        confirmed = {row["topic"] for row, flag in zip(rows, flags, strict=True) if flag}
        for topic in confirmed - failing.keys():
            self._succeeded(topic)
        for topic, reason in failing.items():
            unpublished = [
                row
                for row, flag in zip(rows, flags, strict=True)
                if row["topic"] == topic and not flag
            ]
            if unpublished:
                self._failed(topic, reason, unpublished[0], progressed=topic in confirmed)

    def count(self, waiting: Mapping[str, int]) -> None:
        """Store the number of rows that wait for each of these topics."""
        for topic in self._outages.keys() & waiting.keys():
            self._outages[topic].waiting = waiting[topic]
            self._set_metric(topic, waiting[topic])

    def keep(self, topics: Collection[str]) -> None:
        """Remove all other topics: no row waits for them, or another process leads."""
        for topic in self._outages.keys() - set(topics):
            del self._outages[topic]
            self._set_metric(topic, 0)

    def _failed(self, topic: str, reason: str, row: Any, *, progressed: bool) -> None:
        now = self._clock.monotonic()
        outage = self._outages.setdefault(topic, _Outage(now, now))
        if outage.reason != reason:
            log.error(
                "outbox.topic.failed",
                schema=self._schema,
                topic=topic,
                reason=reason,
                outbox_id=row["id"],
            )
        outage.reason, outage.oldest_at = reason, now - row["age_s"]
        outage.failures = 0 if progressed else outage.failures + 1
        outage.retry_at = now + backoff_s(
            max(0, outage.failures - 1), first_s=HOLD_S_MIN, longest_s=HOLD_S_MAX
        )

    def _succeeded(self, topic: str) -> None:
        outage = self._outages.pop(topic, None)
        if outage is not None:
            self._set_metric(topic, 0)
            for_s = round(self._clock.monotonic() - outage.since)
            log.info("outbox.topic.recovered", schema=self._schema, topic=topic, for_s=for_s)

    def _set_metric(self, topic: str, waiting: int) -> None:
        metrics.OUTBOX_WAITING.labels(self._schema, topic).set(waiting)
