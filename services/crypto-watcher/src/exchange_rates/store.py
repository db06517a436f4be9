"""Prices and rates in PostgreSQL; every write compares the lease's epoch in its own transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from chain_watch.fence import fenced
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from exchange_rates.domain import Agreed, Price, Rules, agreed

SCHEMA = "rates"
ROLE = "cift_rates"

SAVE_PRICES = """
insert into rates.price (currency, source, usd, read_at)
select * from unnest($1::text[], $2::text[], $3::numeric[], $4::timestamptz[])
on conflict (currency, source) do update set usd = excluded.usd, read_at = excluded.read_at
 where price.read_at <= excluded.read_at or price.read_at > excluded.read_at + $5
"""
"""A price that was read later stays, unless it was read by a clock so far ahead that nobody can use
it: it would keep every true one out until that time comes."""
PRICES = """
select currency, source, usd, read_at
  from rates.price
 where currency = any ($1) and source = any ($2)
"""
"""A source that is no longer configured has no vote."""
SAVE_RATE = """
insert into rates.rate (currency, usd, sources, as_of, deviation)
values ($1, $2, $3, $4, $5)
on conflict (currency) do update set usd = excluded.usd, sources = excluded.sources,
    as_of = excluded.as_of, deviation = excluded.deviation
"""


class RateStore:
    """Stores what sources said, and what follows from it."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def save(
        self,
        lease: Lease,
        prices: Sequence[Price],
        rules: Rules,
        *,
        currencies: Collection[str],
        sources: Collection[str],
        at: datetime,
    ) -> list[Agreed]:
        """Store new prices and the rates that follow; returns these.

        A currency without enough new prices keeps its last rate, which then grows old.

        Raises:
            LeaseLost: another process reads now; nothing was changed.
        """
        async with fenced(self._pool, SCHEMA, lease) as connection:
            columns = [
                [one.currency for one in prices],
                [one.source for one in prices],
                [one.usd for one in prices],
                [one.read_at for one in prices],
            ]
            await connection.execute(SAVE_PRICES, *columns, rules.max_age)
            rows = await connection.fetch(PRICES, list(currencies), list(sources))
            known = [Price(**dict(row)) for row in rows]
            found = [
                rate
                for currency in sorted(currencies)
                if (
                    rate := agreed([one for one in known if one.currency == currency], rules, at=at)
                )
            ]
            for one in found:
                names = ",".join(one.sources)
                await connection.execute(
                    SAVE_RATE, one.currency, one.usd, names, one.as_of, one.deviation
                )
            failpoint("rates.before_commit")
        failpoint("rates.after_commit")
        return found
