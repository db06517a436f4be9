"""Nodes that lie, are behind, on another chain, or answer garbage: no cursor moves, no money."""

from typing import Any

import httpx
import pytest

from chain_watch.context import WatchState
from chain_watch.deposit_store import MemoryDeposits
from chain_watch.rpc import Endpoint, NodeFailed
from cift_shared.clock import SystemClock
from cift_shared.money.amount import Money
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.processor import EthereumProcessor
from tests.integration.ethereum_watcher.harness import FINAL_AFTER, OpenWatch, TestNode, Watching
from tests.support import ethereum
from tests.support.ethereum import ETHER

pytestmark = pytest.mark.integration

HTML = httpx.Response(200, text="<html>Bad gateway</html>")
OTHER = "0x" + "ab" * 32


def first_changed(result: Any, **fields: Any) -> Any:
    """A block whose first transaction is different."""
    first, *rest = result["transactions"]
    return {**result, "transactions": [{**first, **fields}, *rest]}


def of_a_block(change: Any) -> Any:
    """A lie about blocks with transactions."""
    return lambda p, r: change(r) if p[1] and r["transactions"] else r


LIES: dict[str, tuple[str, Any]] = {
    "html": ("eth_chainId", lambda *_: HTML),
    "another chain": ("eth_chainId", lambda *_: "0x1"),
    "chain as a number": ("eth_chainId", lambda *_: ethereum.CHAIN_ID),
    "still loading": ("eth_syncing", lambda *_: {"currentBlock": "0x1"}),
    "height as a float": ("eth_getBlockByNumber", lambda _, r: {**r, "number": 12.0}),
    "height with zeros": ("eth_getBlockByNumber", lambda _, r: {**r, "number": "0x00c"}),
    "height too large": ("eth_getBlockByNumber", lambda _, r: {**r, "number": hex(2**64)}),
    "no block": ("eth_getBlockByNumber", lambda *_: None),
    "no hash": ("eth_getBlockByNumber", lambda _, r: {**r, "hash": None}),
    "another block": ("eth_getBlockByHash", lambda _, r: {**r, "hash": OTHER}),
    "another height": ("eth_getBlockByHash", lambda _, r: {**r, "number": "0x1"}),
    "another parent": ("eth_getBlockByHash", lambda _, r: {**r, "parentHash": OTHER}),
    "gone": ("eth_getBlockByHash", lambda *_: None),
    "array": ("eth_getBlockByHash", lambda *_: []),
    "hashes only": ("eth_getBlockByHash", of_a_block(lambda r: {**r, "transactions": [OTHER]})),
    "value as a number": ("eth_getBlockByHash", of_a_block(lambda r: first_changed(r, value=1))),
    "negative value": ("eth_getBlockByHash", of_a_block(lambda r: first_changed(r, value="-0x1"))),
    "value too large": (
        "eth_getBlockByHash", of_a_block(lambda r: first_changed(r, value=hex(2**256))),
    ),
    "transaction of another block": (
        "eth_getBlockByHash", of_a_block(lambda r: first_changed(r, blockHash=OTHER)),
    ),
    "no receipt": ("eth_getTransactionReceipt", lambda *_: None),
    "receipt of another block": (
        "eth_getTransactionReceipt", lambda _, r: {**r, "blockHash": OTHER},
    ),
    "receipt of another transaction": (
        "eth_getTransactionReceipt", lambda _, r: {**r, "transactionHash": OTHER},
    ),
    "receipt without a status": (
        "eth_getTransactionReceipt", lambda _, r: {n: r[n] for n in r if n != "status"},
    ),
    "balance as a float": ("eth_getBalance", lambda *_: 1e18),
    "error page": ("eth_getBlockByHash", lambda *_: httpx.Response(503, text="busy")),
    "redirect": (
        "eth_getBlockByHash", lambda *_: httpx.Response(302, headers={"location": "/elsewhere"}),
    ),
    "other id": (
        "eth_getBlockByHash", lambda _, r: httpx.Response(200, json={"result": r, "id": 0}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", sorted(LIES))
async def test_a_lie_credits_nothing_and_is_forgotten_once_the_node_is_honest(
    watch: Watching, lie: str
) -> None:
    deposit = await watch.deposit(ETHER)
    await watch.read()
    deposit.pay(ETHER)
    watch.node.mine(FINAL_AFTER + 1)
    method, answer = LIES[lie]
    watch.node.lies[method] = answer
    with pytest.raises(NodeFailed):
        await watch.read()
    assert {int(row["wei"]) for row in await watch.arrivals()} <= {ETHER}
    watch.node.lies.clear()
    await watch.read()
    assert (await deposit.reach("settled")).amount == Money(ETHER, "ETH")
    assert await watch.received() == []


async def test_nothing_is_final_without_a_final_block(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    deposit.pay(ETHER)
    watch.node.mine(30)
    for lie in (lambda *_: None, lambda _, r: {**r, "hash": OTHER}):
        watch.node.lies["eth_getBlockByNumber"] = only_final(lie)
        await watch.read()
        await watch.rest(deposit.id)
        assert "settled" not in await deposit.kinds()
    watch.node.lies.clear()
    await watch.read()
    await deposit.reach("settled")


def only_final(lie: Any) -> Any:
    """A lie about the final block alone."""
    return lambda p, r: lie(p, r) if p[0] == "finalized" else r


async def test_finality_that_stands_still_credits_nothing(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    deposit.pay(ETHER)
    watch.node.node.chain.finality.finalized = watch.node.height
    await watch.mined()
    watch.node.mine(200)
    await watch.read()
    await watch.rest(deposit.id)
    assert (await deposit.kinds())[-1] == "submitted"
    watch.node.node.chain.finality.finalized = None
    await watch.read()
    await deposit.reach("settled")


async def test_most_nodes_decide_about_contents_receipts_and_balances(
    opened: OpenWatch, node: TestNode
) -> None:
    liar, third = TestNode(node.node), TestNode(node.node)
    async with opened([liar, node, third]) as watch:
        first, second = await watch.deposit(ETHER), await watch.deposit(ETHER)
        await watch.read()
        liar.lies = {
            "eth_getBlockByHash": lambda _, r: {**r, "transactions": []},
            "eth_getTransactionReceipt": lambda _, r: {**r, "status": "0x0"},
            "eth_getBalance": lambda *_: hex(9 * ETHER),
            "eth_getBlockByNumber": only_final(lambda _, r: {**r, "number": hex(10**6)}),
        }
        node.pay(first.address, ETHER)
        node.pay(second.address, ETHER, by_contract=True)
        node.mine(FINAL_AFTER)
        await watch.read()
        await watch.rest(first.id)
        assert "settled" not in await first.kinds()  # one node alone calls its block final
        node.mine()
        await watch.read()
        for deposit in (first, second):
            assert (await deposit.reach("settled")).amount == Money(ETHER, "ETH")


async def test_one_honest_node_of_two_is_not_enough(opened: OpenWatch, node: TestNode) -> None:
    liar = TestNode(node.node)
    async with opened([node, liar]) as watch:
        deposit = await watch.deposit(ETHER)
        deposit.pay(ETHER)
        before = await watch.cursor()
        liar.lies["eth_getBlockByHash"] = of_a_block(
            lambda r: first_changed(r, value=hex(9 * ETHER))
        )
        node.mine(FINAL_AFTER + 1)
        with pytest.raises(NodeFailed):
            await watch.read()
        assert await watch.cursor() == before
        liar.lies.clear()
        await watch.read()
        assert (await deposit.reach("settled")).amount == Money(ETHER, "ETH")


async def test_one_of_three_nodes_may_be_away(opened: OpenWatch, node: TestNode) -> None:
    away, third = TestNode(node.node), TestNode(node.node)
    async with opened([away, node, third]) as watch:
        away.lies["eth_chainId"] = lambda *_: HTML
        deposit = await watch.deposit(ETHER)
        deposit.pay(ETHER)
        node.mine(FINAL_AFTER + 1)
        await watch.read()
        await deposit.reach("settled")


async def test_catching_up_finds_what_was_paid_while_the_watcher_was_down(watch: Watching) -> None:
    first, second = await watch.deposit(ETHER), await watch.deposit(ETHER)
    watch.node.mine(20)
    first.pay(ETHER)
    second.pay(ETHER, by_contract=True)
    watch.node.mine(40)
    await watch.read()
    await first.reach("settled")
    await second.reach("settled")


async def test_the_first_node_that_answers_estimates_the_fee(node: TestNode) -> None:
    away = TestNode(node.node)
    away.lies["eth_feeHistory"] = lambda *_: HTML
    fees = {"baseFeePerGas": ["0x1", "0x2540be400"], "reward": [["0x77359400"]]}
    node.lies["eth_feeHistory"] = lambda *_: fees
    clients = [
        EthereumNode(Endpoint(f"node-{place}", "http://127.0.0.1:1/"), ethereum.CHAIN_ID,
                     timeout_s=5, transport=one.transport())
        for place, one in enumerate((away, node), 1)
    ]  # fmt: skip
    clock = SystemClock()
    processor = EthereumProcessor(
        ethereum.config(token_list=ethereum.TOKENS), clients, MemoryDeposits(),
        watch=WatchState(clock), clock=clock,
    )  # fmt: skip
    expected = Money(12 * 10**9 * 21_000, "ETH")
    assert await processor.estimate_network_fee("deposit", "ETH") == expected
    assert await processor.estimate_network_fee("withdrawal", "ETH") == expected
    # A deposit in a token is moved by two transactions later, a withdrawal is one.
    moved, paid = Money(12 * 10**9 * 86_000, "ETH"), Money(12 * 10**9 * 65_000, "ETH")
    assert await processor.estimate_network_fee("deposit", "USDC") == moved
    assert await processor.estimate_network_fee("withdrawal", "USDC") == paid
    node.lies["eth_feeHistory"] = lambda *_: HTML
    with pytest.raises(NodeFailed):
        await processor.estimate_network_fee("deposit", "ETH")
    await processor.close()
