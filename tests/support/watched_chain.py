"""The engine of a chain's watcher over PostgreSQL, without its loop of reading.

The test decides when the chain is read (`read`), so a crash or a lie has an exact place.
"""

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from chain_watch.context import Tables, WatchState
from chain_watch.deposit_store import StoredDeposits
from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.attempts.processor import PaymentProcessor
from cift_shared.attempts.store import attempt_id_of
from cift_shared.database.lease import Lease
from cift_shared.kafka import Record
from cift_shared.messaging.messages import PaymentResult, VerifyPayment
from cift_shared.money.live_rates import LiveRates, StoredPrice
from cift_shared.money.rates import RateTable
from cift_shared.runtime.service import running
from tests.support.clocks import ShiftedClock
from tests.support.commands import IDS, VAULT
from tests.support.eventually import eventually

LEASE_LENGTH = timedelta(minutes=10)
"""The test decides when a lease ends: on a slow machine it must not end by itself."""


class WatchedChain(ABC):
    """The database, the engine, and one watcher of a chain."""

    def __init__(self, pool: asyncpg.Pool, tables: Tables[Any]) -> None:
        self.pool = pool
        self.tables = tables
        self.rail = self.schema = tables.schema
        self.clock = ShiftedClock()
        self.rates = LiveRates(
            RateTable("none", ()), frozenset({"BTC", "ETH"}), timedelta(seconds=60)
        )
        self.state = WatchState(self.clock, rates=self.rates)
        self.deposits = StoredDeposits(pool, tables)
        self._offset = 0
        self._loops = AsyncExitStack()

    @abstractmethod
    def another(self) -> tuple[Any, Lease]:
        """A watcher of another process, and its view of the lease."""

    @abstractmethod
    def new_processor(self) -> PaymentProcessor:
        """The processor."""

    async def start(self) -> None:
        """Take the lease, and let the engine run."""
        self.watcher, self.lease = self.another()
        self.processor = self.new_processor()
        store = AttemptStore(
            self.pool, schema=self.schema, rail=self.rail, owner=f"{self.rail}-0", vault=VAULT
        )
        self.engine = AttemptEngine(
            store, self.processor, clock=self.clock, wake_relay=lambda: None
        )
        self.commands = CommandConsumer(
            store,
            rail=self.rail,
            clock=self.clock,
            wake_dispatch=self.engine.dispatch.wake,
            wake_relay=lambda: None,
            wake_poll=self.engine.poll.wake,
        )
        assert await self.lease.take(self.pool)
        await self._loops.enter_async_context(running([self.engine.dispatch, self.engine.poll]))

    async def stop(self) -> None:
        await self._loops.aclose()
        await self.processor.close()

    def price(self, currency: str, usd: str) -> None:
        """The live rate of a currency from now on."""
        now = self.clock.now()
        self.rates.update([StoredPrice(currency, Decimal(usd), "coinbase,kraken", now)])

    async def read(self) -> None:
        """Read the chain up to the nodes' head, and let every deposit be checked."""
        await self.watcher.run(self.lease)
        self.state.tip = await self.deposits.tip()
        self.engine.poll.wake()

    async def send(self, *commands: BaseModel) -> None:
        await self.commands.handle([self._record(command) for command in commands])

    async def verify(self, payment_id: UUID, reference: str) -> None:
        """The caller names a transaction."""
        await self.send(
            VerifyPayment(
                payment_id=payment_id,
                verification_id=IDS.new_id(),
                sealed_reference=VAULT.seal(reference.encode(), context="notice"),
                requested_at=self.clock.now(),
            )
        )

    async def results(self, payment_id: UUID) -> list[PaymentResult]:
        rows = await self.pool.fetch(
            f"select body from {self.schema}.outbox where key = $1 order by id", str(payment_id)
        )
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def kinds(self, payment_id: UUID) -> list[str]:
        return [one.kind for one in await self.results(payment_id) if one.kind != "noted"]

    async def received(self) -> list[PaymentResult]:
        """What was reported without a command."""
        rows = await self.pool.fetch(f"select body from {self.schema}.outbox order by id")
        found = [PaymentResult.model_validate_json(row["body"]) for row in rows]
        return [one for one in found if one.kind == "received"]

    async def reach(self, payment_id: UUID, kind: str, *, count: int = 1) -> PaymentResult:
        """The result of a kind, once it is told so often."""

        async def found() -> Any:
            await self.make_due()
            told = [one for one in await self.results(payment_id) if one.kind == kind]
            return told[count - 1] if len(told) >= count else None

        return await eventually(found, f"{kind} for {payment_id}")

    async def rest(self, payment_id: UUID) -> None:
        """Let a payment be checked a few times more."""
        before = (await self.state_of(payment_id))["checks"]

        async def later() -> bool:
            await self.make_due()
            return (await self.state_of(payment_id))["checks"] >= before + 2

        await eventually(later, "more checks")

    async def state_of(self, payment_id: UUID) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            f"select * from {self.schema}.attempt where attempt_id = $1", attempt_id_of(payment_id)
        )
        assert row is not None
        return row

    async def make_due(self) -> None:
        await self.pool.execute(
            f"update {self.schema}.attempt set next_check_at = now()"
            " where lease_owner is null and next_check_at is not null"
        )
        self.engine.poll.wake()
        self.engine.dispatch.wake()

    async def cursor(self) -> tuple[int, str]:
        row = await self.pool.fetchrow(f"select height, hash from {self.schema}.chain")
        assert row is not None
        return row["height"], row["hash"]

    async def arrivals(self) -> list[asyncpg.Record]:
        """The rows of what arrived."""
        return await self.pool.fetch(self.tables.sql("select * from {arrivals} order by 1, 2"))

    def _record(self, message: BaseModel) -> Record:
        self._offset += 1
        body = message.model_dump_json().encode()
        return Record(f"payments.commands.{self.rail}", 0, self._offset, None, body)
