"""Forgetting what has had its time: idempotency keys after 30 days, notices after 90."""

import asyncio
from datetime import timedelta

from cift_shared.clock import Clock
from cift_shared.database import INFRASTRUCTURE_ERRORS
from cift_shared.log import get_logger
from gateway.store import Store

EVERY_S = 60.0
NOTICE_LIFETIME = timedelta(days=90)

log = get_logger()


class Housekeeping:
    """Deletes a bounded number of old rows once a minute."""

    name = "gateway-housekeeping"

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Tidy up until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.tidy()
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("gateway.housekeeping.failed", error=repr(error))

    async def tidy(self) -> None:
        """Delete some of what is old."""
        now = self._clock.now()
        await self._store.forget(keys_before=now, notices_before=now - NOTICE_LIFETIME)
