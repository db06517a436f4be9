"""Consume workers' reports about their rails and keep the newest of each process.

rails.status -> decode -> drop what is too old to count -> gateway.rail_status
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from pydantic import ValidationError

from cift_shared.clock import Clock
from cift_shared.kafka import Record, RejectedRecord
from cift_shared.kafka.broker import BatchBroker, Subscription
from cift_shared.messaging import topics
from cift_shared.messaging.message import first_problem
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.observability.log import get_logger
from cift_shared.runtime.consuming import consuming
from cift_shared.runtime.service import Base
from gateway.payment_options.availability import LAG_MAX
from gateway.payment_options.repository import RailStatusRepository

GROUP = "gateway-rails"
SCHEMA = "gateway"
"""Rejected records are stored in the outbox of this schema."""

log = get_logger()


class RailStatusHandler:
    """Handles `rails.status`."""

    def __init__(self, statuses: RailStatusRepository, clock: Clock) -> None:
        self._statuses = statuses
        self._clock = clock

    async def __call__(self, records: Sequence[Record]) -> list[RejectedRecord]:
        """Store the newest report of each process; return as rejected what can't be read."""
        newest: dict[tuple[str, str], RailStatus] = {}
        refusals = []
        for record in records:
            try:
                status = RailStatus.model_validate_json(record.body or b"")
            except ValidationError as error:
                refusals.append(RejectedRecord(record, "undecodable", first_problem(error)))
                continue
            known = newest.get(key := (status.rail, status.instance))
            if known is None or known.reported_at < status.reported_at:
                newest[key] = status
        await self._save(list(newest.values()))
        return refusals

    async def _save(self, statuses: Sequence[RailStatus]) -> None:
        now = self._clock.now()
        outdated = [status for status in statuses if now - status.reported_at > LAG_MAX]
        for status in outdated:
            lag_s = int((now - status.reported_at).total_seconds())
            log.warning("rail_status.late", rail=status.rail, instance=status.instance, lag_s=lag_s)
        if in_time := [status for status in statuses if status not in outdated]:
            await self._statuses.save(in_time, now=now)


def consume_rail_statuses(
    handler: RailStatusHandler,
    base: Base,
    *,
    topic: str = topics.RAIL_STATUSES,
    group: str = GROUP,
) -> AbstractAsyncContextManager[BatchBroker]:
    """Consume the topic while the block runs."""
    subscription = Subscription(topic, RailStatus, group, handler, topics.ABOUT_RAIL_STATUSES)
    return consuming(base, subscription, schema=SCHEMA)
