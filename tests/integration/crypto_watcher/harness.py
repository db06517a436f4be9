"""The Bitcoin watcher's engine over PostgreSQL, in front of scripted nodes.

The test decides when the chain is read (`read`), so a crash or a lie has an exact place.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from bitcoin_watcher.addresses import parse_address
from bitcoin_watcher.chain_store import TABLES, ChainStore
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.processor import BitcoinProcessor
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.terms import terms_of
from bitcoin_watcher.watcher import Watcher
from chain_watch.context import WatchState
from chain_watch.credits import Credits
from chain_watch.deposit_store import StoredDeposits
from chain_watch.rpc import Endpoint
from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.attempts.store import attempt_id_of
from cift_shared.database.lease import Lease
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record
from cift_shared.messaging.messages import PaymentResult, VerifyPayment
from cift_shared.runtime.service import running
from tests.support import bitcoin
from tests.support.bitcoin_chain import ScriptedNode, Tx
from tests.support.clocks import ShiftedClock
from tests.support.commands import IDS, VAULT
from tests.support.eventually import eventually

OpenWatch = Callable[..., Any]


class Watch:
    """Scripted nodes, the database, and one watcher."""

    def __init__(
        self, pool: asyncpg.Pool, nodes: list[ScriptedNode], config: BitcoinConfig
    ) -> None:
        self.pool = pool
        self.nodes = nodes
        self.node = nodes[0]
        self.config = config
        self.clock = ShiftedClock()
        self.store = ChainStore(pool)
        self.deposits = StoredDeposits(pool, TABLES)
        self.state = WatchState(self.clock)
        self._offset = 0
        self._loops = AsyncExitStack()
        self.watcher, self.lease = self.another()

    def another(self) -> tuple[Watcher, Lease]:
        """A watcher of another process, and its view of the lease."""
        clients = [
            BitcoinNode(
                Endpoint(f"node-{number}", "http://127.0.0.1:1/"),
                self.config.network,
                timeout_s=5,
                transport=node.transport(),
            )
            for number, node in enumerate(self.nodes, 1)
        ]
        credits_ = Credits(self.pool, TABLES, terms_of(self.config), self.clock)
        watcher = Watcher(clients, self.store, credits_, self.config, self.clock)
        return watcher, Lease("bitcoin", "job:watch", self.clock)

    async def start(self) -> None:
        if self.config.shared is not None:
            await self.deposits.share(self.config.shared)
        self.processor = BitcoinProcessor(
            self.config, [], self.deposits, watch=self.state, clock=self.clock
        )
        store = AttemptStore(
            self.pool, schema="bitcoin", rail="bitcoin", owner="bitcoin-0", vault=VAULT
        )
        self.engine = AttemptEngine(
            store, self.processor, clock=self.clock, wake_relay=lambda: None
        )
        self.commands = CommandConsumer(
            store,
            rail="bitcoin",
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

    async def read(self) -> None:
        """Read the chain up to the nodes' head, and let every deposit be checked."""
        await self.watcher.run(self.lease)
        self.state.tip = await self.deposits.tip()
        self.engine.poll.wake()

    async def mined(self, *txs: Tx, times: int = 1) -> None:
        """Mine blocks, the first with these transactions, and read each of them."""
        self.node.mine(*txs)
        await self.read()
        for _ in range(times - 1):
            self.node.mine()
            await self.read()

    async def bury(self, blocks: int) -> None:
        """Mine so many empty blocks, or none."""
        if blocks:
            await self.mined(times=blocks)

    async def deposit(self, satoshi: int = 1_000_000, **over: Any) -> "Deposit":
        """A deposit whose address is known."""
        command = bitcoin.deposit(satoshi, clock=self.clock, **over)
        await self.send(command)
        told = await self.reach(command.payment_id, "action_required")
        assert told.next_action is not None
        return Deposit(self, command.payment_id, told.next_action["address"])

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
            "select body from bitcoin.outbox where key = $1 order by id", str(payment_id)
        )
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def kinds(self, payment_id: UUID) -> list[str]:
        return [one.kind for one in await self.results(payment_id) if one.kind != "noted"]

    async def received(self) -> list[PaymentResult]:
        """What was reported without a command."""
        rows = await self.pool.fetch("select body from bitcoin.outbox order by id")
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
            "select * from bitcoin.attempt where attempt_id = $1", attempt_id_of(payment_id)
        )
        assert row is not None
        return row

    async def make_due(self) -> None:
        await self.pool.execute(
            "update bitcoin.attempt set next_check_at = now()"
            " where lease_owner is null and next_check_at is not null"
        )
        self.engine.poll.wake()
        self.engine.dispatch.wake()

    async def cursor(self) -> tuple[int, str]:
        row = await self.pool.fetchrow("select height, hash from bitcoin.chain")
        assert row is not None
        return row["height"], row["hash"]

    async def outputs(self) -> list[asyncpg.Record]:
        return await self.pool.fetch("select * from bitcoin.output order by txid, vout")

    def _record(self, message: BaseModel) -> Record:
        self._offset += 1
        body = message.model_dump_json().encode()
        return Record("payments.commands.bitcoin", 0, self._offset, None, body)


class Deposit:
    """A deposit with its address."""

    def __init__(self, watch: Watch, payment_id: UUID, address: str) -> None:
        self.watch = watch
        self.id = payment_id
        self.address = address
        self.script = parse_address(address, "regtest").script

    def paid(self, *satoshi: int, **over: Any) -> Tx:
        """A transaction with an output of each amount to the address."""
        return Tx(*((self.script, one) for one in satoshi), **over)

    async def kinds(self) -> list[str]:
        return await self.watch.kinds(self.id)

    async def reach(self, kind: str, *, count: int = 1) -> PaymentResult:
        return await self.watch.reach(self.id, kind, count=count)


@asynccontextmanager
async def open_watch(database: str, nodes: list[ScriptedNode], **over: Any) -> AsyncIterator[Watch]:
    """A watcher that has read the chain once."""
    pool = await open_pool(database, role="cift_bitcoin")
    watch = Watch(pool, nodes, bitcoin.config(**over))
    await watch.start()
    await watch.read()
    try:
        yield watch
    finally:
        await watch.stop()
        await pool.close()
