"""The sealer: what is posted becomes part of the hash chain a few seconds later.

    round n      mark: how far the log has come, and a transaction id younger than all its writers
    round n+1    nobody older than the mark runs any more: all up to it is decided, seal it

Marks live in memory only. Several processes may seal; an advisory lock lets one through at a time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg
from prometheus_client import Counter, Gauge

from cift_shared.clock import Clock
from cift_shared.database import Pool
from cift_shared.failpoints import failpoint
from cift_shared.log import get_logger
from ledger.chain import Connection

BLOCK_TRANSACTIONS_MAX = 2_000
COUNTED_MAX = 100_000

SEALED = Counter("cift_ledger_sealed_transactions_total", "Transactions put into the hash chain.")
SEALED_AT = Gauge("cift_ledger_sealed_timestamp_seconds", "When the newest block was sealed.")
UNSEALED = Gauge(
    "cift_ledger_unsealed_transactions", f"Transactions not sealed yet, {COUNTED_MAX} at most."
)
UNSEALED_AGE = Gauge(
    "cift_ledger_unsealed_age_seconds", "Age of the oldest transaction that is not sealed yet."
)

_MARK = "select last_tx, horizon::text as horizon from ledger.seal_mark()"
_SEAL = "select ledger.seal($1, $2::text::xid8, $3)"
_WAITING = """
select (select sealed_at from ledger.head) as sealed_at,
    count(*) as transactions, min(created_at) as oldest_at
from (select created_at from ledger.ledger_tx
      where tx_id > coalesce((select last_transaction_id from ledger.head), 0)
      limit $1) waiting
"""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the log, and when everything up to it is decided."""

    last_tx: int
    horizon: str | None
    """A transaction id: once nobody older runs. None: nobody else writes."""


async def take_mark(connection: Connection) -> Mark:
    """Mark how far the log has come."""
    row = await connection.fetchrow(_MARK)
    if row is None:
        raise AssertionError("a function's row is always there")
    return Mark(row["last_tx"], row["horizon"])


async def seal_up_to(connection: Connection, mark: Mark) -> int | None:
    """Seal a block; answers its transactions, 0 when all are sealed, None when it is too early."""
    sealed: int | None = await connection.fetchval(
        _SEAL, mark.last_tx, mark.horizon, BLOCK_TRANSACTIONS_MAX
    )
    return sealed


class Sealer:
    """Seals what was posted, every so often."""

    name = "sealer"

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        clock: Clock,
        *,
        interval_s: int,
        wake_relay: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._interval_s = interval_s
        self._wake_relay = wake_relay
        self._mark: Mark | None = None

    async def run(self) -> None:
        """Seal until cancelled."""
        while True:
            await self.seal_once()
            await asyncio.sleep(self._interval_s)

    async def seal_once(self) -> int:
        """Seal up to the last round's mark, and take a new one; answers how many were sealed."""
        total = 0
        while self._mark is not None:
            sealed = await seal_up_to(self._pool, self._mark)
            if not sealed:
                self._mark = self._mark if sealed is None else None
                break
            failpoint("ledger.after_seal")
            total += sealed
            SEALED.inc(sealed)
            self._wake_relay()
        if self._mark is None:
            self._mark = await take_mark(self._pool)
            failpoint("ledger.after_mark")
        await self._measure()
        return total

    async def _measure(self) -> None:
        row = await self._pool.fetchrow(_WAITING, COUNTED_MAX)
        if row is None:
            return
        UNSEALED.set(row["transactions"])
        oldest_at = row["oldest_at"]
        age_s = (self._clock.now() - oldest_at).total_seconds() if oldest_at else 0.0
        UNSEALED_AGE.set(max(0.0, age_s))
        if row["sealed_at"] is not None:
            SEALED_AT.set(row["sealed_at"].timestamp())
