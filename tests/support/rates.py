"""The reader of exchange rates over the twins of markets, and rates put in place by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
import httpx

from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.database.pool import open_pool
from exchange_rates.client import SourceClient
from exchange_rates.reader import Reader
from exchange_rates.settings import RateConfig
from exchange_rates.sources import SOURCES
from exchange_rates.store import ROLE, SCHEMA, RateStore
from provider_sandbox.rates.app import create_app
from provider_sandbox.rates.market import Markets
from tests.support.twin_transport import TwinTransport

BASE = "http://127.0.0.1:1"


def config(**over: Any) -> RateConfig:
    """Settings of a reader of both twins."""
    fields: dict[str, Any] = {
        "sources_text": "coinbase,kraken",
        "rate_currencies": "BTC,ETH",
        "coinbase_base": BASE,
        "kraken_base": BASE,
        "timeout_s": 1,
    }
    return RateConfig(**{**fields, **over})


class Reading:
    """A reader, the markets that it reads, and what it has stored."""

    def __init__(self, pool: "asyncpg.Pool[Any]", config: RateConfig, clock: Clock) -> None:
        self.pool = pool
        self.config = config
        self.clock = clock
        self.markets = Markets()
        self.reader, self.lease = self.another()

    def another(self) -> tuple[Reader, Lease]:
        """A reader of another process, and its view of the lease."""
        transport = TwinTransport(httpx.ASGITransport(create_app(self.markets)))
        clients = [
            SourceClient(
                SOURCES[name],
                self.config.bases[name],
                timeout_s=self.config.timeout_s,
                transport=transport,
            )
            for name in self.config.sources
        ]
        reader = Reader(clients, RateStore(self.pool), self.config, self.clock)
        return reader, Lease(SCHEMA, "job:read", self.clock)

    async def read(self) -> None:
        """Read every price once."""
        if not self.lease.is_held:
            assert await self.lease.take(self.pool)
        await self.reader.run(self.lease)

    async def stored(self, currency: str = "BTC") -> Any:
        """The stored rate of a currency; None: there is none."""
        return await self.pool.fetchrow("select * from rates.rate where currency = $1", currency)


@asynccontextmanager
async def open_reading(database: str, clock: Clock, **over: Any) -> AsyncIterator[Reading]:
    """A reader over a database."""
    pool = await open_pool(database, role=ROLE)
    try:
        yield Reading(pool, config(**over), clock)
    finally:
        await pool.close()


async def put_rate(
    admin: "asyncpg.Pool[Any]", currency: str, usd: str | None, *, as_of: datetime | None
) -> None:
    """Store a rate as the reader does; `usd` None: the sources contradict each other."""
    await admin.execute(
        "insert into rates.rate (currency, usd, sources, as_of, deviation)"
        " values ($1, $2, 'coinbase,kraken', $3, 0) on conflict (currency) do update"
        " set usd = excluded.usd, as_of = excluded.as_of",
        currency,
        None if usd is None else Decimal(usd),
        None if usd is None else as_of,
    )
