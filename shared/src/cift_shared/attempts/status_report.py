"""Report every few seconds whether this worker can use its provider; the gateway shows it.

worker -> outbox -> rails.status -> gateway.rail_status -> GET /payment-options
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

from cift_shared.attempts.processor import PaymentProcessor, ReportsAvailability
from cift_shared.clock import Clock
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.messaging.topics import RAIL_STATUSES
from cift_shared.observability.log import get_logger

REPORT_EVERY_S = 5.0
"""A third of the time after which a silent process counts as away, so one report may get lost."""

STORE_UNLESS_WAITING = """
insert into {schema}.outbox (topic, key, headers, body)
select $1::text, $2::text, $3::jsonb, $4::bytea
 where not exists (select from {schema}.outbox where topic = $1 and key = $2)
"""
"""While the broker is away the outbox keeps one report, not all: an old one says nothing."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Puts the state of one worker's process into the outbox, again and again."""

    pool: "Pool[asyncpg.Record]"
    processor: PaymentProcessor
    clock: Clock
    schema: str
    instance: str
    """The name of this process among the replicas."""
    published: Callable[[], None]
    """Wakes the relay."""
    float_low: Callable[[], Sequence[str]] = tuple
    """The currencies in which there is too little to pay out."""
    name: str = "rail-status"

    async def run(self) -> None:
        """Report until cancelled; while the database is away nothing is reported."""
        while True:
            try:
                await self.report()
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("rail_status.not_stored", error=repr(error))
            await asyncio.sleep(REPORT_EVERY_S)

    async def report(self) -> None:
        """Report once; nothing is stored while an earlier report still waits to be published."""
        status = self.status()
        message = outgoing(
            RAIL_STATUSES, status, source=f"{status.rail}-worker", at=status.reported_at
        )
        await self.pool.execute(
            STORE_UNLESS_WAITING.format(schema=self.schema),
            message.topic,
            message.key,
            dict(message.headers),
            message.body,
        )
        self.published()

    def status(self) -> RailStatus:
        """The state now."""
        one = self.processor
        reason = one.unavailable_reason() if isinstance(one, ReportsAvailability) else None
        return RailStatus(
            rail=one.rail,
            instance=self.instance,
            available=reason is None,
            reason=reason,
            reported_at=self.clock.now(),
            float_low=list(self.float_low()) or None,
        )
