"""The sealer: add posted transactions to the hash chain a few seconds later.

    round n      take a mark: the last position of the log, and a database transaction id that is
                 younger than every transaction that has written up to this position
    round n+1    no transaction older than that id runs any more: everything up to the mark has
                 committed or rolled back, so seal it

Marks are in memory only. Several processes may run a sealer; an advisory lock lets one of them seal
at a time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg
from prometheus_client import Counter, Gauge

from cift_shared.clock import Clock
from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from ledger.chain.hash_chain import Connection

BLOCK_TRANSACTIONS_MAX = 2_000
COUNTED_MAX = 100_000

SEALED = Counter("cift_ledger_sealed_transactions_total", "Transactions added to the hash chain.")
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
    """A place in the log, and the condition under which everything up to it is decided."""

    last_tx: int
    horizon: str | None
    """A database transaction id: once no older transaction runs, everything up to `last_tx` has
    committed or rolled back. None: no other process writes."""


async def take_mark(connection: Connection) -> Mark:
    """Take a mark at the current end of the log."""
    row = await connection.fetchrow(_MARK)
    if row is None:
        raise AssertionError("ledger.seal_mark returned no row")
    return Mark(row["last_tx"], row["horizon"])


async def seal_up_to(connection: Connection, mark: Mark) -> int | None:
    """Seal one block of transactions up to a mark.

    Returns:
        The number of transactions in the block; 0 when all are sealed; None when it is too early:
        an older transaction still runs, or another process seals right now.
    """
    sealed: int | None = await connection.fetchval(
        _SEAL, mark.last_tx, mark.horizon, BLOCK_TRANSACTIONS_MAX
    )
    return sealed


class Sealer:
    """Seals posted transactions at a fixed interval."""

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
        """Seal up to the last round's mark, then take a new one; returns how many were sealed."""
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
