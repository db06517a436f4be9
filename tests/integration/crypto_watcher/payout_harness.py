"""Withdrawals over PostgreSQL, a signer, and the regtest node, whose kernel checks signatures.

Watcher, engine and signer run in one process here; the test decides when each of them works.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from bitcoin_watcher.app import payouts_of
from bitcoin_watcher.chain_store import TABLES
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.payout_store import StoredPayouts
from bitcoin_watcher.processor import BitcoinProcessor
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.undone_payouts import UndonePayouts
from bitcoin_watcher.watcher import Watcher
from chain_watch.deposit_store import StoredDeposits
from chain_watch.funds import Funds
from chain_watch.rpc import Endpoint
from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.clock import SystemClock
from cift_shared.database.lease import Lease
from cift_shared.database.pool import open_pool
from cift_shared.messaging.messages import PaymentResult
from cift_shared.runtime.service import running
from crypto_signer.policy import Limits
from crypto_signer.signer import Signer
from crypto_signer.store import ROLE, SCHEMA, SignerStore
from provider_sandbox.bitcoin.addresses import script_of
from provider_sandbox.bitcoin.app import create_app
from provider_sandbox.bitcoin.node import Node
from provider_sandbox.bitcoin.settings import BitcoinSettings
from provider_sandbox.bitcoin.transaction import Output
from tests.integration.crypto_watcher.harness import Watch
from tests.support import bitcoin, bitcoin_wallet
from tests.support.commands import VAULT
from tests.support.eventually import eventually
from tests.support.held_funds import HeldFunds
from tests.support.watched_chain import LEASE_LENGTH
from wallet_keys.account import BitcoinAccount

PASSWORD = "node"
LIMITS = Limits(transaction_max=10**9, day_max=10**10, fee_max=200_000)


class RealNode:
    """The regtest node of the sandbox, called without a network."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.settings = BitcoinSettings(bitcoin_rpc_password=PASSWORD, http_port=0)
        self.app = create_app(self.settings, node, lambda: None)
        self.is_down = False

    def transport(self) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(self._answer)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            raise httpx.ConnectError("down")
        return await httpx.ASGITransport(self.app).handle_async_request(request)


class _Base:
    """What `payouts_of` takes of a service's resources."""

    def __init__(self, pool: asyncpg.Pool, clock: Any) -> None:
        self.pool, self.clock, self.settings = pool, clock, self

    def vault(self) -> Any:
        return VAULT


class Paying(Watch):
    """Deposits and withdrawals with a signer, in front of the regtest node."""

    def __init__(
        self, pool: asyncpg.Pool, signer_pool: asyncpg.Pool, node: RealNode, config: BitcoinConfig
    ) -> None:
        self.signer_pool = signer_pool
        self.funds: Funds = HeldFunds("bitcoin")
        nodes: Any = [node]
        super().__init__(pool, nodes, config)
        self.real = node.node
        self.endpoint = node
        self.signer, self.signer_lease = self.another_signer()
        self.watcher, self.lease = self.another()

    def another(self) -> tuple[Watcher, Lease]:
        self.clients = [self._client(node) for node in self.nodes]
        watcher, lease = super().another()
        watcher._nodes = self.clients
        return watcher, lease

    def another_signer(
        self, limits: Limits = LIMITS, *, account: BitcoinAccount = bitcoin_wallet.ACCOUNT
    ) -> tuple[Signer, Lease]:
        """A signer of another process, and its view of the lease."""
        signer = Signer(
            SignerStore(self.signer_pool, self.funds),
            account,
            limits,
            VAULT,
            network="regtest",
        )
        return signer, Lease(SCHEMA, "job:sign", SystemClock(), length=LEASE_LENGTH)

    def _client(self, node: Any) -> BitcoinNode:
        auth = (node.settings.bitcoin_rpc_user, PASSWORD)
        endpoint = Endpoint("node-1", "http://127.0.0.1:1/", auth)
        return BitcoinNode(endpoint, self.config.network, timeout_s=5, transport=node.transport())

    async def start(self) -> None:
        context = payouts_of(_Base(self.pool, self.clock), self.config, self.clients)
        assert context is not None
        self.payouts = StoredPayouts(self.pool)
        self.undone = UndonePayouts(self.payouts, context)
        self.processor: BitcoinProcessor = BitcoinProcessor(
            self.config,
            self.clients,
            StoredDeposits(self.pool, TABLES),
            watch=self.state,
            clock=self.clock,
            payouts=context,
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
        assert await self.signer_lease.take(self.signer_pool)
        await self._loops.enter_async_context(running([self.engine.dispatch, self.engine.poll]))

    async def make_due(self) -> None:
        if self.signer_lease.is_held:
            assert await self.signer_lease.renew(self.signer_pool)
        await super().make_due()

    async def let_the_lease_expire(self) -> None:
        """As after a signer was paused too long."""
        await self.signer_pool.execute(
            "update bitcoin_signer.lease set ends_at = clock_timestamp() - interval '1 second'"
        )

    async def mine(self, blocks: int = 1, *, without: bool = False) -> None:
        """Mine blocks and read each of them; `without` transactions of the mempool if wanted."""
        for _ in range(blocks):
            self.real.mine(1, only=frozenset() if without else None)
            await self.read()

    async def fund(self, *satoshi: int) -> None:
        """Deposits of these amounts, deep enough to be spent."""
        for amount in satoshi:
            deposit = await self.deposit(amount)
            paid = self.real.faucet.payment([Output(amount, deposit.script)], rate=2_000)
            self.real.send(paid)
        await self.mine(self.config.confirmations)
        for payment_id in [row["payment_id"] for row in await self._deposits()]:
            await self.reach(payment_id, "settled")

    async def withdraw(self, satoshi: int, address: str | None = None) -> UUID:
        """Send the command of a withdrawal to somebody's address."""
        self.recipient = address or self.real.outside.new_address()
        command = bitcoin_wallet.withdrawal(satoshi, self.recipient, clock=self.clock)
        await self.send(command)
        return command.payment_id

    async def sign(self) -> None:
        """Let the signer work, and the withdrawals continue."""
        await self.signer.run(self.signer_lease)
        await self.make_due()

    async def planned(self, payment_id: UUID, *, versions: int = 1) -> list[asyncpg.Record]:
        """The versions of a withdrawal, once there are so many."""
        return await self._eventually(
            "select * from bitcoin.spend where payment_id = $1 order by version",
            payment_id,
            versions,
        )

    async def in_mempool(self, payment_id: UUID, *, versions: int = 1) -> str:
        """The id of the last version, planned, signed and in the mempool."""
        rows = await self.planned(payment_id, versions=versions)
        txid = str(rows[-1]["txid"])

        async def there() -> bool:
            await self.sign()
            return txid in self.real.pool.pooled

        await eventually(there, f"{txid} in the mempool")
        return txid

    def paid(self, address: str | None = None) -> list[int]:
        """What the active chain has paid to an address."""
        script = script_of(address or self.recipient)
        return [
            out.value
            for name in self.real.chain.active[1:]
            for one in self.real.chain.entries[name].block.transactions
            for out in one.outputs
            if out.script == script
        ]

    async def result(self, payment_id: UUID, kind: str) -> PaymentResult:
        return await self.reach(payment_id, kind)

    async def _deposits(self) -> list[asyncpg.Record]:
        return await self.pool.fetch(
            "select payment_id from bitcoin.attempt where operation = 'deposit'"
        )

    async def _eventually(self, query: str, key: UUID, count: int) -> list[asyncpg.Record]:
        async def found() -> Any:
            await self.make_due()
            rows = await self.pool.fetch(query, key)
            return rows if len(rows) >= count else None

        return await eventually(found, f"{count} rows for {key}")


@asynccontextmanager
async def open_paying(
    database: str, *, node: RealNode | None = None, **over: Any
) -> AsyncIterator[Paying]:
    """A watcher and a signer that have read the chain once."""
    pool = await open_pool(database, role="cift_bitcoin")
    signer_pool = await open_pool(database, role=ROLE)
    fields = {
        "xpub": bitcoin_wallet.ACCOUNT.xpub,
        "fee_floor": 10,
        "fee_ceiling": 10,
        "fee_fallback": 10,
        "poll_s": 0.1,
        **over,
    }
    paying = Paying(pool, signer_pool, node or RealNode(Node()), bitcoin.config(**fields))
    await paying.start()
    await paying.read()
    try:
        yield paying
    finally:
        await paying.stop()
        paying.real.close()
        await signer_pool.close()
        await pool.close()
