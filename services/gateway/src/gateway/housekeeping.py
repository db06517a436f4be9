"""Forgetting what has had its time.

Idempotency keys after 30 days, notices after 90, quotes a day after they expired, saved cards 30
days after the provider has forgotten them.
"""

import asyncio
from datetime import timedelta

from cift_shared.clock import Clock
from cift_shared.database import INFRASTRUCTURE_ERRORS
from cift_shared.log import get_logger
from gateway.quotes import Quotes
from gateway.saved_methods import SavedMethods
from gateway.store import Store

EVERY_S = 60.0
NOTICE_LIFETIME = timedelta(days=90)
EXPIRED_QUOTE_LIFETIME = timedelta(days=1)
"""So that a late payment is told that its quote has expired."""
FORGOTTEN_CARD_LIFETIME = timedelta(days=30)
"""So that an answer that comes again still finds its card."""

log = get_logger()


class Housekeeping:
    """Deletes a bounded number of old rows once a minute."""

    name = "gateway-housekeeping"

    def __init__(self, store: Store, quotes: Quotes, methods: SavedMethods, clock: Clock) -> None:
        self._store = store
        self._quotes = quotes
        self._methods = methods
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
        await self._quotes.forget(expired_before=now - EXPIRED_QUOTE_LIFETIME)
        await self._methods.forget(before=now - FORGOTTEN_CARD_LIFETIME)
