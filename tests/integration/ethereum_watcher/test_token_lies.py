"""Nodes that lie about logs: no cursor moves, and no tokens are credited that did not come."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from chain_watch.rpc import NodeFailed
from cift_shared.money.amount import Money
from tests.integration.ethereum_watcher.harness import FINAL_AFTER, OpenWatch, TestNode, Watching
from tests.support import ethereum

pytestmark = pytest.mark.integration

AMOUNT = 25 * 10**6
OTHER = "0x" + "ab" * 32


@pytest.fixture
async def watch(opened: OpenWatch) -> AsyncIterator[Watching]:
    async with opened(token_list=ethereum.TOKENS) as watching:
        yield watching


def each_log(**fields: Any) -> Callable[[Any, Any], Any]:
    """A lie about every log that is found."""
    return lambda _, found: [{**log, **fields} for log in found]


def of_receipt(change: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """A lie about the logs of a receipt."""
    return lambda _, found: {**found, "logs": change(found["logs"])}


LIES: dict[str, tuple[str, Any]] = {
    "html": ("eth_getLogs", lambda *_: httpx.Response(200, text="<html>")),
    "no list": ("eth_getLogs", lambda *_: None),
    "data as a number": ("eth_getLogs", each_log(data=25)),
    "odd digits": ("eth_getLogs", each_log(data="0x123")),
    "another amount": ("eth_getLogs", each_log(data=f"0x{AMOUNT * 9:064x}")),
    "another block": ("eth_getLogs", each_log(blockHash=OTHER)),
    "another transaction": ("eth_getLogs", each_log(transactionHash=OTHER)),
    "another place": ("eth_getLogs", each_log(logIndex="0x7")),
    "of the other token": ("eth_getLogs", each_log(address=ethereum.CONTRACTS["USDT"].lower())),
    "removed": ("eth_getLogs", each_log(removed=True)),
    "removed as text": ("eth_getLogs", each_log(removed="yes")),
    "the filter is empty": (
        "eth_getBlockByHash", lambda _, r: {**r, "logsBloom": "0x" + "00" * 256},
    ),
    "the filter is too short": ("eth_getBlockByHash", lambda _, r: {**r, "logsBloom": "0xff"}),
    "a block without it": (
        "eth_getBlockByHash", lambda p, r: {**r, "transactions": []} if p[1] else r,
    ),
    "no receipt": ("eth_getTransactionReceipt", lambda *_: None),
    "failed": ("eth_getTransactionReceipt", lambda _, r: {**r, "status": "0x0"}),
    "receipt of another block": (
        "eth_getTransactionReceipt", lambda _, r: {**r, "blockHash": OTHER},
    ),
    "receipt of another transaction": (
        "eth_getTransactionReceipt", lambda _, r: {**r, "transactionHash": OTHER},
    ),
    "receipt without logs": ("eth_getTransactionReceipt", of_receipt(lambda _: [])),
    "receipt with another amount": (
        "eth_getTransactionReceipt",
        of_receipt(lambda logs: [{**log, "data": f"0x{1:064x}"} for log in logs]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", sorted(LIES))
async def test_a_lie_credits_nothing_and_is_forgotten_once_the_node_is_honest(
    watch: Watching, lie: str
) -> None:
    deposit = await watch.deposit(AMOUNT, currency="USDC")
    await watch.read()
    deposit.pay_token(AMOUNT)
    watch.node.mine(FINAL_AFTER + 1)
    method, answer = LIES[lie]
    watch.node.lies[method] = answer
    with pytest.raises(NodeFailed):
        await watch.read()
    assert await watch.arrivals() == []
    watch.node.lies.clear()
    await watch.read()
    assert (await deposit.reach("settled")).amount == Money(AMOUNT, "USDC")
    assert await watch.received() == []


ZEROS = "0x" + "00" * 32
ODD: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a contract nobody has configured": lambda log: {**log, "address": "0x" + "12" * 20},
    "another event": lambda log: {**log, "topics": [OTHER, *log["topics"][1:]]},
    "one topic more, as for a collectible": lambda log: {**log, "topics": [*log["topics"], ZEROS]},
    "no indexed recipient": lambda log: {**log, "topics": log["topics"][:2]},
    "no topics": lambda log: {**log, "topics": []},
    "no amount": lambda log: {**log, "data": "0x"},
    "two amounts": lambda log: {**log, "data": log["data"] + "00" * 32},
    "no account in the topic": lambda log: {**log, "topics": [*log["topics"][:2], OTHER]},
    "more than the books hold": lambda log: {**log, "data": "0x" + "ff" * 32},
    "nothing": lambda log: {**log, "data": ZEROS},
}


@pytest.mark.parametrize("odd", sorted(ODD))
async def test_an_odd_log_is_no_payment_and_stops_nothing(watch: Watching, odd: str) -> None:
    """The node tells the same everywhere: the contract really wrote such a log."""
    deposit = await watch.deposit(AMOUNT, currency="USDC")
    await watch.read()
    deposit.pay_token(AMOUNT)

    def told(_: Any, found: Any) -> Any:
        return [ODD[odd](log) for log in found]

    watch.node.lies["eth_getLogs"] = told
    watch.node.lies["eth_getTransactionReceipt"] = of_receipt(lambda logs: told(None, logs))
    watch.node.mine(FINAL_AFTER + 1)
    await watch.read()
    assert await watch.arrivals() == []
    assert (await watch.cursor())[0] == watch.node.height
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required"]


async def test_most_nodes_decide_about_logs(opened: OpenWatch, node: TestNode) -> None:
    liar, third = TestNode(node.node), TestNode(node.node)
    async with opened([liar, node, third], token_list=ethereum.TOKENS) as watch:
        deposit = await watch.deposit(AMOUNT, currency="USDC")
        await watch.read()
        liar.lies = {
            "eth_getLogs": lambda *_: [],
            "eth_getTransactionReceipt": of_receipt(lambda _: []),
            "eth_call": lambda *_: f"0x{18:064x}",
        }
        node.pay_token(deposit.address, AMOUNT)
        node.mine(FINAL_AFTER + 1)
        await watch.read()
        assert (await deposit.reach("settled")).amount == Money(AMOUNT, "USDC")


async def test_one_node_of_two_that_hides_a_log_stops_the_reading(
    opened: OpenWatch, node: TestNode
) -> None:
    liar = TestNode(node.node)
    async with opened([node, liar], token_list=ethereum.TOKENS) as watch:
        deposit = await watch.deposit(AMOUNT, currency="USDC")
        before = await watch.cursor()
        deposit.pay_token(AMOUNT)
        node.mine(FINAL_AFTER + 1)
        liar.lies["eth_getLogs"] = lambda *_: []
        with pytest.raises(NodeFailed):
            await watch.read()
        assert (await watch.cursor())[0] == before[0]
        liar.lies.clear()
        await watch.read()
        await deposit.reach("settled")
