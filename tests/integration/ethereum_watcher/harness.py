"""The Ethereum watcher's engine over PostgreSQL, in front of nodes over a real EVM.

The nodes run in the test's process; their answers can be changed on their way (`lies`).
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import asyncpg
import httpx

from chain_watch.credits import Credits
from chain_watch.rpc import Endpoint
from cift_shared.database.lease import Lease
from cift_shared.database.pool import open_pool
from cift_shared.messaging.messages import PaymentResult
from ethereum_watcher.addresses import parse_address
from ethereum_watcher.chain_store import TABLES, ChainStore
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.processor import EthereumProcessor
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.terms import terms_of
from ethereum_watcher.watcher import Watcher
from provider_sandbox.ethereum.call import Context
from provider_sandbox.ethereum.evm import NEW_CONTRACT
from provider_sandbox.ethereum.node import Node, ReorgPlan
from provider_sandbox.ethereum.rpc import answer_body
from tests.support import ethereum, ethereum_contracts
from tests.support.watched_chain import LEASE_LENGTH, WatchedChain

OpenWatch = Callable[..., Any]
Lie = Callable[[list[Any], Any], Any]
"""Takes the parameters and the true result; returns another, or an httpx.Response."""
FINAL_AFTER = 8
"""Blocks after which the node calls a block final."""


class TestNode:
    """A node whose answers can be changed."""

    __test__ = False
    url = "http://127.0.0.1:1/"

    def __init__(self, node: Node | None = None) -> None:
        self.node = node or Node()
        self.lies: dict[str, Lie] = {}
        self.sent: dict[str, Any] = {}
        """Transactions by their hash."""

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        _, body, _ = answer_body(Context(self.node), request.content)
        reply = json.loads(body)
        if asked["method"] in self.lies and "result" in reply:
            reply["result"] = self.lies[asked["method"]](asked["params"], reply["result"])
            if isinstance(reply["result"], httpx.Response):
                return reply["result"]
        return httpx.Response(200, json=reply)

    @property
    def height(self) -> int:
        return self.node.chain.height

    @property
    def head(self) -> str:
        return "0x" + self.node.chain.latest.hash.hex()

    def pay(self, address: str, wei: int, *, by_contract: bool = False) -> str:
        """The hash of a payment that waits for a block; by a contract, no transaction shows it."""
        account = parse_address(address).script
        to, data, gas = account, b"", 21_000
        if by_contract:
            to, data, gas = self.node.forwarder, account.rjust(32, b"\0"), 200_000
        sent = self.node.sign(to, wei, data, gas=gas)
        name = "0x" + self.node.send(sent).hex()
        self.sent[name] = sent
        return name

    def pay_token(self, address: str, amount: int, currency: str = "USDC") -> str:
        """The hash of a payment in tokens that waits for a block."""
        moved = ethereum_contracts.transfer(parse_address(address).script, amount)
        return self.call(self.node.tokens[currency], moved)

    def call(self, contract: bytes, data: bytes) -> str:
        """The hash of a call by the faucet that waits for a block."""
        sent = self.node.sign(contract, 0, data, gas=500_000)
        name = "0x" + self.node.send(sent).hex()
        self.sent[name] = sent
        return name

    def deploy(self, code: bytes) -> bytes:
        """The address of a new contract, in a block of its own."""
        self.node.send(self.node.sign(NEW_CONTRACT, 0, code, gas=2_000_000))
        self.node.mine(1)
        (created,) = self.node.chain.latest.executed
        assert not created.computation.is_error
        return bytes(created.computation.msg.storage_address)

    def again(self, transaction: str) -> None:
        """Send the same bytes once more, after their block is gone."""
        self.node.send(self.sent[transaction])

    def send(self, raw: str) -> None:
        """Send a signed transaction; it waits for a block."""
        self.ask("eth_sendRawTransaction", raw)

    def ask(self, method: str, *params: Any) -> Any:
        """The true result of a call."""
        order = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        _, body, _ = answer_body(Context(self.node), json.dumps(order).encode())
        assert "result" in json.loads(body), body
        return json.loads(body)["result"]

    def mine(self, blocks: int = 1) -> None:
        self.node.mine(blocks)

    def reorg(self, depth: int, blocks: int | None = None, **plan: Any) -> None:
        """Replace the highest blocks; without a plan by empty ones, and nothing waits again."""
        order = plan or {"drop_all": True, "forget": True}
        wanted = depth if blocks is None else blocks
        self.node.reorganise(ReorgPlan(depth=depth, blocks=wanted, **order))


class ServedNode(Protocol):
    """A node, as the watcher's client reaches it."""

    @property
    def url(self) -> str:
        """Its address."""

    def transport(self) -> httpx.AsyncBaseTransport | None:
        """What replaces the network; None: nothing."""

    def mine(self, blocks: int = 1) -> None:
        """Add blocks."""


NodeType = TypeVar("NodeType", bound=ServedNode)


class Watch(WatchedChain, Generic[NodeType]):
    """Nodes, the database, and one watcher."""

    def __init__(
        self, pool: asyncpg.Pool, nodes: Sequence[NodeType], config: EthereumConfig
    ) -> None:
        super().__init__(pool, TABLES)
        self.nodes = nodes
        self.node = nodes[0]
        self.config = config
        self.store = ChainStore(pool)
        self._clients: list[EthereumNode] = []

    def clients(self) -> list[EthereumNode]:
        """A client for each node, closed at the end."""
        made = [
            EthereumNode(
                Endpoint(f"node-{number}", node.url),
                self.config.chain_id,
                timeout_s=5,
                transport=node.transport(),
            )
            for number, node in enumerate(self.nodes, 1)
        ]
        self._clients += made
        return made

    def another(self) -> tuple[Watcher, Lease]:
        """A watcher of another process, and its view of the lease."""
        reports = Credits(self.pool, TABLES, terms_of(self.config), self.clock, self.rates)
        watcher = Watcher(self.clients(), self.store, reports, self.config, self.clock)
        return watcher, Lease("ethereum", "job:watch", self.clock, length=LEASE_LENGTH)

    def new_processor(self) -> EthereumProcessor:
        """The processor; it calls no node."""
        return EthereumProcessor(self.config, [], self.deposits, watch=self.state, clock=self.clock)

    async def start(self) -> None:
        if self.config.shared is not None:
            await self.deposits.share(self.config.shared)
        await super().start()

    async def stop(self) -> None:
        await super().stop()
        for client in self._clients:
            await client.close()

    async def mined(self, blocks: int = 1) -> None:
        """Mine blocks, and read each of them."""
        for _ in range(blocks):
            self.node.mine()
            await self.read()

    async def final(self) -> None:
        """Mine until what was mined so far is final, and read."""
        self.node.mine(FINAL_AFTER)
        await self.read()

    async def deposit(self, wei: int = ethereum.ETHER, **over: Any) -> "Deposit":
        """A deposit whose address is known; `currency` is ether's without another one."""
        command = ethereum.deposit(wei, clock=self.clock, **over)
        await self.send(command)
        told = await self.reach(command.payment_id, "action_required")
        assert told.next_action is not None
        return Deposit(self, command.payment_id, told.next_action["address"])


Watching = Watch[TestNode]


class Deposit:
    """A deposit with its address."""

    def __init__(self, watch: "Watch[Any]", payment_id: UUID, address: str) -> None:
        self.watch = watch
        self.id = payment_id
        self.address = address

    def pay(self, wei: int, **over: bool) -> str:
        """Send ether to the address; it waits for a block."""
        return str(self.watch.node.pay(self.address, wei, **over))

    def pay_token(self, amount: int, currency: str = "USDC") -> str:
        """Send tokens to the address; they wait for a block."""
        return str(self.watch.node.pay_token(self.address, amount, currency))

    async def kinds(self) -> list[str]:
        return await self.watch.kinds(self.id)

    async def reach(self, kind: str, *, count: int = 1) -> PaymentResult:
        return await self.watch.reach(self.id, kind, count=count)


@asynccontextmanager
async def open_watch(
    database: str, nodes: Sequence[NodeType], **over: Any
) -> AsyncIterator[Watch[NodeType]]:
    """A watcher that has read the chain once, with a final block."""
    pool = await open_pool(database, role="cift_ethereum")
    watch = Watch(pool, nodes, ethereum.config(**over))
    await watch.start()
    await watch.read()
    for node in nodes:
        node.mine(FINAL_AFTER)
    await watch.read()
    try:
        yield watch
    finally:
        await watch.stop()
        await pool.close()
