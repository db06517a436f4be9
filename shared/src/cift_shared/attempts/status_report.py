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
from cift_shared.messaging.rail_status import NetworkFee, RailStatus
from cift_shared.messaging.topics import RAIL_STATUSES
from cift_shared.observability.log import get_logger

REPORT_EVERY_S = 5.0
"""A third of the time after which a process counts as unavailable, so one report may get lost."""

STORE_UNLESS_WAITING = """
insert into {schema}.outbox (topic, key, headers, body)
select $1::text, $2::text, $3::jsonb, $4::bytea
 where not exists (select from {schema}.outbox where topic = $1 and key = $2)
"""
"""While the broker is unavailable, the outbox holds one report: old reports are useless."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Writes the state of one worker process to the outbox periodically."""

    pool: "Pool[asyncpg.Record]"
    processor: PaymentProcessor
    clock: Clock
    schema: str
    instance: str
    """The name of this process among the replicas."""
    wake_relay: Callable[[], None]
    float_low: Callable[[], Sequence[str]] = tuple
    """The currencies in which the balance to pay out from is too low."""
    network_fees: Callable[[], Sequence[NetworkFee]] = tuple
    """The newest estimates of what the network charges."""
    name: str = "rail-status"

    async def run(self) -> None:
        """Report until cancelled; while the database is unavailable, nothing is reported."""
        while True:
            try:
                await self.report()
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("rail_status.not_stored", error=repr(error))
            await asyncio.sleep(REPORT_EVERY_S)

    async def report(self) -> None:
        """Report once; nothing is stored while an earlier report is not published yet."""
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
        self.wake_relay()

    def status(self) -> RailStatus:
        """The current state."""
        processor, reason = self.processor, None
        if isinstance(processor, ReportsAvailability):
            reason = processor.unavailable_reason()
        return RailStatus(
            rail=processor.rail,
            instance=self.instance,
            available=reason is None,
            reason=reason,
            reported_at=self.clock.now(),
            float_low=list(self.float_low()) or None,
            network_fees=list(self.network_fees()) or None,
        )
