"""Nodes that lie, are behind, on another chain, or answer garbage: no cursor moves, no money."""

from typing import Any

import httpx
import pytest

from bitcoin_watcher.client import GENESIS, BitcoinNode
from bitcoin_watcher.processor import BitcoinProcessor
from chain_watch.context import WatchState
from chain_watch.deposit_store import MemoryDeposits
from chain_watch.rpc import Endpoint, NodeFailed
from cift_shared.clock import SystemClock
from cift_shared.money.amount import Money
from tests.integration.crypto_watcher.harness import OpenWatch, Watch
from tests.support import bitcoin
from tests.support.bitcoin_chain import ScriptedNode, Tx, block

pytestmark = pytest.mark.integration

HTML = httpx.Response(200, text="<html>Bad gateway</html>")


def other_block(_params: Any, _result: Any) -> Any:
    return block("00" * 32, [])[1].hex()


def changed_amount(_params: Any, result: str) -> str:
    return result.replace("a086010000000000", "ff86010000000000")


LIES: dict[str, tuple[str, Any]] = {
    "html": ("getblockchaininfo", lambda *_: HTML),
    "another chain": ("getblockchaininfo", lambda _, r: {**r, "chain": "main"}),
    "another genesis": ("getblockhash", lambda p, r: GENESIS["main"] if p == [0] else r),
    "height as float": ("getblockchaininfo", lambda _, r: {**r, "blocks": float(r["blocks"])}),
    "negative height": ("getblockchaininfo", lambda _, r: {**r, "blocks": -1}),
    "null": ("getblockhash", lambda p, r: r if p == [0] else None),
    "cut off": ("getblock", lambda _, r: r[:-2]),
    "too long": ("getblock", lambda _, r: r + "00"),
    "not hex": ("getblock", lambda _, r: "xx" + r[2:]),
    "another block": ("getblock", other_block),
    "another amount": ("getblock", changed_amount),
    "array": ("getblock", lambda *_: []),
    "error page": ("getblock", lambda *_: httpx.Response(503, text="busy")),
    "redirect": ("getblock", lambda *_: httpx.Response(302, headers={"location": "/elsewhere"})),
    "other id": ("getblock", lambda _, r: httpx.Response(200, json={"result": r, "id": 0})),
}


@pytest.mark.parametrize("lie", sorted(LIES))
async def test_a_lie_credits_nothing_and_is_forgotten_once_the_node_is_honest(
    watch: Watch, lie: str
) -> None:
    deposit = await watch.deposit(100_000)
    method, answer = LIES[lie]
    watch.node.mine(deposit.paid(100_000), times=3)
    watch.node.lies[method] = answer
    with pytest.raises(NodeFailed):
        await watch.read()
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    assert {row["satoshi"] for row in await watch.arrivals()} <= {100_000}
    watch.node.lies.clear()
    await watch.read()
    await deposit.reach("settled")


async def test_a_mempool_transaction_with_other_bytes_is_not_shown(watch: Watch) -> None:
    deposit = await watch.deposit(100_000)
    watch.node.broadcast(deposit.paid(1))
    other = deposit.paid(100_000)
    watch.node.lies["getrawtransaction"] = lambda *_: other.raw.hex()
    with pytest.raises(NodeFailed):
        await watch.read()
    assert await watch.arrivals() == []


async def test_a_mempool_that_cannot_be_read_holds_up_no_block(watch: Watch) -> None:
    deposit = await watch.deposit(100_000)
    watch.node.mine(deposit.paid(100_000), times=3)
    watch.node.lies["getrawmempool"] = lambda *_: "ab"
    with pytest.raises(NodeFailed):
        await watch.read()
    await deposit.reach("settled")


async def test_most_nodes_decide(opened: OpenWatch, node: ScriptedNode) -> None:
    liar, lagging = node.copy(), node.copy()
    async with opened([node, liar, lagging]) as watch:
        deposit = await watch.deposit(100_000)
        liar.mine(Tx((deposit.script, 9_000_000)), times=5)
        await watch.read()
        assert (await watch.cursor())[0] == 3
        node.mine(deposit.paid(100_000), times=3)
        await watch.read()
        assert (await watch.cursor())[0] == 3  # one honest node of three is not enough
        lagging.chain, lagging.known = list(node.chain), dict(node.known)
        await watch.read()
        settled = await deposit.reach("settled")
        assert settled.amount is not None
        assert settled.amount.minor == 100_000


async def test_one_of_three_nodes_may_be_away(opened: OpenWatch, node: ScriptedNode) -> None:
    away, third = node.copy(), node.copy()
    async with opened([away, node, third]) as watch:
        away.lies["getblockchaininfo"] = lambda *_: HTML
        deposit = await watch.deposit(100_000)
        node.mine(deposit.paid(100_000), times=3)
        third.chain, third.known = list(node.chain), dict(node.known)
        await watch.read()
        await deposit.reach("settled")


async def test_catching_up_finds_what_was_paid_while_the_watcher_was_down(watch: Watch) -> None:
    deposit = await watch.deposit(100_000)
    watch.node.mine(times=20)
    watch.node.mine(deposit.paid(100_000), times=3)
    await watch.read()
    await deposit.reach("settled")


async def test_amounts_are_exact(watch: Watch) -> None:
    """0.1 and 0.2 BTC in floats are not 0.3; the largest amount is not a float at all."""
    deposit = await watch.deposit(30_000_000)
    await watch.mined(deposit.paid(10_000_000, 20_000_000), times=3)
    assert (await deposit.reach("settled")).amount is not None
    all_but_one = 21_000_000 * 10**8 - 1
    large = await watch.deposit(all_but_one)
    await watch.mined(large.paid(all_but_one), times=3)
    told = (await large.reach("settled")).amount
    assert told is not None
    assert told.minor == all_but_one


async def test_the_first_node_that_answers_estimates_the_fee(node: ScriptedNode) -> None:
    away = node.copy()
    away.lies["estimatesmartfee"] = lambda *_: HTML
    node.lies["estimatesmartfee"] = lambda *_: {"feerate": 0.0001, "blocks": 6}
    clients = [
        BitcoinNode(Endpoint(f"node-{place}", "http://127.0.0.1:1/"), "regtest", timeout_s=5,
                    transport=one.transport())
        for place, one in enumerate((away, node), 1)
    ]  # fmt: skip
    clock = SystemClock()
    processor = BitcoinProcessor(
        bitcoin.config(), clients, MemoryDeposits(), watch=WatchState(clock), clock=clock
    )
    assert await processor.estimate_network_fee("deposit", "BTC") == Money(680, "BTC")
    node.lies["estimatesmartfee"] = lambda *_: HTML
    with pytest.raises(NodeFailed):
        await processor.estimate_network_fee("deposit", "BTC")
    await processor.close()
