"""The Bitcoin watcher's engine over PostgreSQL, in front of scripted nodes.

The test decides when the chain is read (`read`), so a crash or a lie has an exact place.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from bitcoin_watcher.addresses import parse_address
from bitcoin_watcher.chain_store import TABLES, ChainStore
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.processor import BitcoinProcessor
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.terms import terms_of
from bitcoin_watcher.watcher import Watcher
from chain_watch.credits import Credits
from chain_watch.rpc import Endpoint
from cift_shared.database.lease import Lease
from cift_shared.database.pool import open_pool
from cift_shared.messaging.messages import PaymentResult
from tests.support import bitcoin
from tests.support.bitcoin_chain import ScriptedNode, Tx
from tests.support.watched_chain import LEASE_LENGTH, WatchedChain

OpenWatch = Callable[..., Any]


class Watch(WatchedChain):
    """Scripted nodes, the database, and one watcher."""

    def __init__(
        self, pool: asyncpg.Pool, nodes: list[ScriptedNode], config: BitcoinConfig
    ) -> None:
        super().__init__(pool, TABLES)
        self.nodes = nodes
        self.node = nodes[0]
        self.config = config
        self.store = ChainStore(pool)

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
        credits_ = Credits(self.pool, TABLES, terms_of(self.config), self.clock, self.rates)
        watcher = Watcher(clients, self.store, credits_, self.config, self.clock)
        return watcher, Lease("bitcoin", "job:watch", self.clock, length=LEASE_LENGTH)

    def new_processor(self) -> BitcoinProcessor:
        """The processor; it calls no node."""
        return BitcoinProcessor(self.config, [], self.deposits, watch=self.state, clock=self.clock)

    async def start(self) -> None:
        if self.config.shared is not None:
            await self.deposits.share(self.config.shared)
        await super().start()

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
