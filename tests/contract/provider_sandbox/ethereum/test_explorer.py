"""The explorer beside the node: Etherscan's forms, and the client of ours in front of it."""

import random
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ethereum_watcher.explorer_client import Explorer, ExplorerUnavailable
from provider_sandbox.ethereum.etherscan import ExplorerMode as Mode
from tests.support.ethereum_node import CHAIN_ID, OurNode

RECIPIENT = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
KEY = "anything"
ALL: dict[str, str] = {"chainid": str(CHAIN_ID), "module": "proxy", "apikey": KEY}
NOT_OK = {"status": "0", "message": "NOTOK"}


def get(node: OurNode, **over: str | None) -> Any:
    given = {**ALL, **over}
    query = {name: value for name, value in given.items() if value is not None}
    answer = httpx.get(f"http://127.0.0.1:{node.port}/v2/api", params=query, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def client(node: OurNode, timeout_s: float = 5) -> Explorer:
    base = f"http://127.0.0.1:{node.port}/v2/api"
    return Explorer(base, SecretStr(KEY), CHAIN_ID, timeout_s=timeout_s, pace_s=0)


def behave(node: OurNode, mode: Mode = Mode.NORMAL) -> None:
    node.control("PUT", "/explorer", {"mode": mode})


def test_it_answers_what_the_node_has(node: OurNode) -> None:
    txid = node.pay(RECIPIENT, 5, confirm=1)
    for action in ("eth_getTransactionByHash", "eth_getTransactionReceipt"):
        found = get(node, action=action, txhash=txid)
        assert found == {"jsonrpc": "2.0", "id": 1, "result": node.rpc(action, txid)}
    assert get(node, action="eth_blockNumber")["result"] == node.rpc("eth_blockNumber")
    assert get(node, action="eth_gasPrice")["result"] == node.rpc("eth_gasPrice")
    block = get(node, action="eth_getBlockByNumber", tag="0x1", boolean="false")["result"]
    assert block == node.rpc("eth_getBlockByNumber", "0x1", False)
    unknown = get(node, action="eth_getTransactionReceipt", txhash="0x" + "12" * 32)
    assert unknown == {"jsonrpc": "2.0", "id": 1, "result": None}


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"chainid": None}, "Missing or unsupported chainid parameter"),
        ({"chainid": "1"}, "Missing or unsupported chainid parameter"),
        ({"apikey": None}, "Invalid API Key"),
        ({"apikey": ""}, "Invalid API Key"),
        ({"module": None}, "Error! Missing Or invalid Module name"),
        ({"module": "account"}, "Error! Missing Or invalid Module name"),
        ({"action": None}, "Error! Missing Or invalid Action name"),
        ({"action": "eth_accounts"}, "Error! Missing Or invalid Action name"),
    ],
)
def test_what_it_refuses(node: OurNode, over: dict[str, str | None], told: str) -> None:
    found = get(node, **{"action": "eth_blockNumber", **over})
    assert found.pop("result").startswith(told)
    assert found == NOT_OK


def test_it_takes_only_its_key() -> None:
    with OurNode(CIFT_SANDBOX_ETHERSCAN_API_KEY="the only one") as node:
        refused = get(node, action="eth_blockNumber")
        assert refused == {**NOT_OK, "result": "Invalid API Key"}
        assert "result" in get(node, action="eth_blockNumber", apikey="the only one")


@pytest.mark.parametrize("txhash", [None, "", "0x", "12", "0x" + "zz" * 32, "é" * 50, "0x" * 5_000])
def test_a_call_that_fails_at_the_node_is_its_error(node: OurNode, txhash: str | None) -> None:
    found = get(node, action="eth_getTransactionReceipt", txhash=txhash)
    assert set(found) == {"jsonrpc", "id", "error"}
    assert found["error"]["code"] == -32602


def test_any_parameters_are_answered(node: OurNode) -> None:
    chance = random.Random(7)
    values = (
        "",
        "0",
        "-1",
        "1e9",
        "latest",
        "true",
        "0x1",
        "9" * 80,
        "\0",
        "é",
        "[]",
        "{}",
        "proxy",
    )
    names = ("chainid", "module", "action", "txhash", "tag", "boolean", "address", "apikey", "x")
    actions = ("eth_blockNumber", "eth_getBlockByNumber", "eth_getTransactionCount", "eth_getCode")
    for _ in range(150):
        over = {chance.choice(names): chance.choice(values) for _ in range(chance.randrange(4))}
        found = get(node, **{"action": chance.choice(actions), **over})
        assert "result" in found or "error" in found


@pytest.fixture
def misbehaving(node: OurNode) -> Any:
    yield node
    behave(node)


@pytest.mark.parametrize(
    "mode",
    [
        Mode.LIMITED, Mode.KEY_REFUSED, Mode.HTML, Mode.BUSY, Mode.TRUNCATED, Mode.ENDLESS,
        Mode.NODE_ERROR, Mode.HUGE, Mode.NUMBERS,
    ],
)  # fmt: skip
async def test_what_says_nothing_is_no_answer(misbehaving: OurNode, mode: Mode) -> None:
    behave(misbehaving, mode)
    explorer = client(misbehaving, timeout_s=60)
    with pytest.raises(ExplorerUnavailable):
        await explorer.height()
    await explorer.close()


async def test_a_hanging_explorer_is_given_up(misbehaving: OurNode) -> None:
    behave(misbehaving, Mode.HANG)
    explorer = client(misbehaving, timeout_s=0.2)
    with pytest.raises(ExplorerUnavailable, match="Time"):
        await explorer.height()
    await explorer.close()


async def test_the_client_reads_it(node: OurNode) -> None:
    txid = node.pay(RECIPIENT, 5, token="USDC", confirm=1)
    explorer = client(node)
    receipt, found = await explorer.receipt(txid), await explorer.transaction(txid)
    assert receipt is not None
    assert found is not None
    assert (receipt.hash, receipt.status, len(receipt.logs)) == (txid, 1, 1)
    assert found.block_hash == receipt.block_hash
    assert await explorer.height() >= 1
    assert await explorer.receipt("0x" + "12" * 32) is None
    await explorer.close()
