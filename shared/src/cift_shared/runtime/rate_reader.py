"""A loop that keeps live exchange rates in memory, from where the reader of rates stores them.

A process uses a price for at most its age in the database, so one that can't read any more soon has
no live rates instead of wrong ones.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.money.live_rates import LiveRates, StoredPrice
from cift_shared.observability.log import get_logger

EVERY_S = 1.0
PRICES = "select currency, usd, sources, as_of from rates.rate"

_UNREADABLE: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

log = get_logger()


@dataclass(frozen=True, slots=True)
class RateReader:
    """The loop."""

    pool: "Pool[asyncpg.Record]"
    rates: Sequence[LiveRates]
    name: str = "live-rates"

    async def run(self) -> None:
        """Read until cancelled; without live currencies nothing is read."""
        while any(one.currencies for one in self.rates):
            try:
                await self.read()
            except _UNREADABLE as error:
                log.warning("rates.not_read", error=repr(error))
            await asyncio.sleep(EVERY_S)
        await asyncio.Event().wait()

    async def read(self) -> None:
        """Read the stored prices once.

        Raises:
            asyncpg.PostgresError: there is no such table, or this role may not read it.
        """
        rows = await self.pool.fetch(PRICES)
        prices = [StoredPrice(**dict(row)) for row in rows]
        for one in self.rates:
            one.update(prices)
