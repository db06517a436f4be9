"""Withdrawals over PostgreSQL, a signer, and nodes over a real EVM, which checks signatures.

Watcher, engine and signer run in one process here; the test decides when each of them works.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from eth_utils import to_checksum_address

from chain_watch.funds import Funds
from cift_shared.clock import SystemClock
from cift_shared.database.lease import Lease
from cift_shared.database.pool import open_pool
from cift_shared.ids import SystemIds
from cift_shared.messaging.messages import PaymentResult
from ethereum_signer.policy import Caps, Limits
from ethereum_signer.signer import EthereumSigner
from ethereum_signer.store import ROLE, SCHEMA, SignerStore
from ethereum_watcher.app import consolidations_of, payouts_of
from ethereum_watcher.consolidations import Consolidations
from ethereum_watcher.nonce_gaps import NonceGaps
from ethereum_watcher.own_transfers import OwnTransfers
from ethereum_watcher.payout_store import StoredPayouts
from ethereum_watcher.processor import EthereumProcessor
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.token_calls import balance_data
from ethereum_watcher.transfer_store import StoredTransfers
from ethereum_watcher.undone_payouts import UndonePayouts
from tests.integration.ethereum_watcher.harness import FINAL_AFTER, TestNode, Watch
from tests.support import ethereum, ethereum_wallet
from tests.support.commands import VAULT
from tests.support.ethereum import CHAIN_ID, ETHER
from tests.support.ethereum_keys import Wallet
from tests.support.eventually import eventually
from tests.support.held_funds import HeldFunds
from tests.support.watched_chain import LEASE_LENGTH
from wallet_keys.ethereum_account import EthereumAccount

TOKEN = 10**6
"""One token in its smallest unit."""
LIMITS = Limits(
    chain_id=CHAIN_ID,
    ether=Caps(currency="ETH", transaction_max=10 * ETHER, day_max=100 * ETHER),
    tokens={
        bytes.fromhex(contract[2:]): Caps(
            currency=currency, transaction_max=1_000 * TOKEN, day_max=10_000 * TOKEN
        )
        for currency, contract in ethereum.CONTRACTS.items()
    },
    fee_max=ETHER // 50,
)
HOT = ethereum_wallet.ACCOUNT.hot_address


def capped(currency: str = "ETH", **caps: int) -> Limits:
    """The limits with other caps of one currency."""
    tokens = {
        contract: replace(one, **caps) if one.currency == currency else one
        for contract, one in LIMITS.tokens.items()
    }
    ether = replace(LIMITS.ether, **caps) if currency == "ETH" else LIMITS.ether
    return replace(LIMITS, ether=ether, tokens=tokens)


class PayingNode(TestNode):
    """A node that refuses or loses what is sent to it, if a test wants that."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.raws: list[str] = []
        """The transactions that were sent to it, whatever became of them."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        if asked["method"] == "eth_sendRawTransaction":
            self.raws.append(asked["params"][0])
            if self.is_down:
                raise httpx.ConnectError("down")
        return super().answer(request)


class _Base:
    """What `payouts_of` takes of a service's resources."""

    def __init__(self, pool: asyncpg.Pool, clock: Any) -> None:
        self.pool, self.clock, self.settings = pool, clock, self

    def vault(self) -> Any:
        return VAULT


class Paying(Watch[PayingNode]):
    """Withdrawals with a signer, in front of the node."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        signer_pool: asyncpg.Pool,
        node: PayingNode,
        config: EthereumConfig,
    ) -> None:
        super().__init__(pool, [node], config)
        self.signer_pool = signer_pool
        self.funds: Funds = HeldFunds("ethereum")
        base: Any = _Base(pool, self.clock)
        context = payouts_of(base, config, self.clients())
        assert context is not None
        self.context = context
        self.payouts: StoredPayouts = context.store
        self.gaps = NonceGaps(context, SystemIds())
        self.undone = UndonePayouts(context)
        self.transfers = OwnTransfers(StoredTransfers(pool, context.hot.script), context)
        self.consolidations = self.another_consolidation()
        self.gap_lease = Lease("ethereum", "job:nonce_gaps", self.clock, length=LEASE_LENGTH)
        self.signer, self.signer_lease = self.another_signer()

    def another_consolidation(self) -> Consolidations:
        """What moves ether of deposits, of another process."""
        return consolidations_of(self.pool, self.config, self.context)

    async def consolidate(self, times: int = 1) -> None:
        """Let it work so often, and the signer after each time."""
        for _ in range(times):
            await self.lease.renew(self.pool)
            await self.consolidations.run(self.lease)
            await self.sign()

    async def spendable(self, currency: str = "ETH") -> int:
        """What the processor says that can be spent."""
        (found,) = [
            one for one in await self.new_processor().get_float() if one.currency == currency
        ]
        return found.minor

    def new_processor(self) -> EthereumProcessor:
        return EthereumProcessor(
            self.config,
            self.clients(),
            self.deposits,
            watch=self.state,
            clock=self.clock,
            payouts=self.context,
        )

    def another_signer(
        self, limits: Limits = LIMITS, *, account: EthereumAccount = ethereum_wallet.ACCOUNT
    ) -> tuple[EthereumSigner, Lease]:
        """A signer of another process, and its view of the lease."""
        store = SignerStore(self.signer_pool, account.hot, self.funds)
        return EthereumSigner(store, account, limits, VAULT), Lease(
            SCHEMA, "job:sign", SystemClock(), length=LEASE_LENGTH
        )

    async def start(self) -> None:
        await super().start()
        assert await self.gap_lease.take(self.pool)
        assert await self.signer_lease.take(self.signer_pool)

    async def make_due(self) -> None:
        if self.signer_lease.is_held:
            assert await self.signer_lease.renew(self.signer_pool)
        assert await self.gap_lease.renew(self.pool)
        await super().make_due()

    async def read(self) -> None:
        if self.lease.is_held:
            await self.lease.renew(self.pool)
        await super().read()

    async def let_the_lease_expire(self) -> None:
        """As after a signer was paused too long."""
        await self.signer_pool.execute(
            "update ethereum_signer.lease set ends_at = clock_timestamp() - interval '1 second'"
        )

    async def fund(self, wei: int = 5 * ETHER) -> None:
        """Give the account that pays some ether."""
        self.node.pay(HOT, wei)
        await self.mined()

    async def fund_token(self, amount: int = 500 * TOKEN, currency: str = "USDC") -> None:
        """Give the account that pays some tokens."""
        self.node.pay_token(HOT, amount, currency)
        await self.mined()

    def somebody(self) -> str:
        return str(to_checksum_address(self.node.node.outside.new_address()))

    async def withdraw(
        self, wei: int = ETHER, address: str | None = None, *, currency: str = "ETH"
    ) -> UUID:
        """Send the command of a withdrawal to somebody's address."""
        self.recipient = address or self.somebody()
        command = ethereum_wallet.withdrawal(
            wei, self.recipient, clock=self.clock, currency=currency
        )
        await self.send(command)
        return command.payment_id

    async def sign(self) -> None:
        """Let the signer work, and the withdrawals continue."""
        assert await self.signer_lease.renew(self.signer_pool)
        await self.signer.run(self.signer_lease)
        await self.make_due()

    async def fill(self) -> None:
        """Let the job that keeps the nonces work, the signer, and the job again."""
        for _ in range(2):
            await self.gap_lease.renew(self.pool)
            await self.gaps.run(self.gap_lease)
            await self.sign()

    async def planned(self, payment_id: UUID, *, versions: int = 1) -> list[asyncpg.Record]:
        """The versions of a withdrawal, once there are so many."""
        query = """
            select s.*, p.nonce from ethereum.spend s join ethereum.payout p using (payment_id)
             where payment_id = $1 order by version
        """

        async def found() -> Any:
            await self.make_due()
            rows = await self.pool.fetch(query, payment_id)
            return rows if len(rows) >= versions else None

        return await eventually(found, f"{versions} versions of {payment_id}")

    async def in_pool(self, payment_id: UUID, *, versions: int = 1) -> str:
        """The hash of the last version, planned, signed and waiting for a block."""
        await self.planned(payment_id, versions=versions)

        async def there() -> Any:
            await self.sign()
            name = await self.signed(payment_id, versions)
            return name if name in self.waiting() else None

        return str(await eventually(there, f"version {versions} of {payment_id} at the node"))

    async def signed(self, payment_id: UUID, version: int = 1) -> str | None:
        name: str | None = await self.pool.fetchval(
            "select hash from ethereum_signer.signature where payment_id = $1 and version = $2",
            payment_id,
            version,
        )
        return name

    async def charges(self) -> list[PaymentResult]:
        """The fees that the ledger is told without a payment, after another look for them."""
        await self.lease.renew(self.pool)
        await self.transfers.run(self.lease)
        rows = await self.pool.fetch("select body from ethereum.outbox order by id")
        found = [PaymentResult.model_validate_json(row["body"]) for row in rows]
        return [one for one in found if one.kind == "charged"]

    def waiting(self) -> list[str]:
        """The transactions that wait for a block at the node."""
        return ["0x" + bytes(one.hash).hex() for one in self.node.node.pool.all()]

    async def empty_blocks(self, count: int) -> None:
        """Blocks that leave out everything."""
        for _ in range(count):
            self.node.node.mine(1, only=frozenset())
            await self.read()

    def balance(self, address: str | None = None) -> int:
        account = bytes.fromhex((address or self.recipient)[2:])
        return int(self.node.node.chain.accounts().balance(account))

    def token_balance(self, address: str | None = None, currency: str = "USDC") -> int:
        """What an address has of a token, in the chain."""
        data = balance_data(bytes.fromhex((address or self.recipient)[2:]))
        call = {"to": ethereum.CONTRACTS[currency], "data": "0x" + data.hex()}
        return int(self.node.ask("eth_call", call, "latest"), 16)

    def nonce(self) -> int:
        """The account's next nonce in the chain."""
        return int(self.node.node.chain.accounts().nonce(ethereum_wallet.ACCOUNT.hot))

    async def settled(self, payment_id: UUID) -> Any:
        """Mine until it is final, and the result."""
        await self.mined()
        await self.final()
        return await self.reach(payment_id, "settled")


def stranger() -> Wallet:
    """Somebody else with the key of the account that pays."""
    return Wallet(int.from_bytes(ethereum_wallet.ACCOUNT.hot_key()))


@asynccontextmanager
async def open_paying(
    database: str, *, node: PayingNode | None = None, **over: Any
) -> AsyncIterator[Paying]:
    """A watcher and a signer that have read the chain once."""
    pool = await open_pool(database, role="cift_ethereum")
    signer_pool = await open_pool(database, role=ROLE)
    key = ethereum_wallet.ACCOUNT.xpub
    fields = {"xpub": key, "poll_s": 0.1, "token_list": ethereum.TOKENS, **over}
    paying = Paying(pool, signer_pool, node or PayingNode(), ethereum.config(**fields))
    await paying.start()
    await paying.read()
    paying.node.mine(FINAL_AFTER)
    await paying.read()
    try:
        yield paying
    finally:
        await paying.stop()
        await signer_pool.close()
        await pool.close()
