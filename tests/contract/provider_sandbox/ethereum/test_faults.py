"""An Ethereum node that is slow, dead, wrong or behind, on command."""

from typing import Any

import httpx
import pytest

from tests.contract.ethereum_node.test_blocks import block, height
from tests.support.ethereum_keys import Wallet
from tests.support.ethereum_node import OurNode

SOMEBODY = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"


def ask(node: OurNode, method: str = "eth_blockNumber", *params: Any) -> httpx.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return node.rpc.http.post(node.url, json=body, timeout=1)


@pytest.mark.parametrize(
    ("mode", "status"), [("html", 502), ("html_200", 200), ("busy", 503), ("warming_up", 503)]
)
def test_something_else_answers(node: OurNode, mode: str, status: int) -> None:
    node.behave(mode=mode, times=1)
    answer = ask(node)
    assert answer.status_code == status
    with pytest.raises(ValueError, match=r"Expecting value|char 0"):
        answer.json()
    assert ask(node).status_code == 200


@pytest.mark.parametrize(
    ("mode", "error", "effect"),
    [
        ("drop_before", httpx.TransportError, False),
        ("drop_after", httpx.TransportError, True),
        ("truncated", httpx.TransportError, True),
        ("hang_before", httpx.ReadTimeout, False),
        ("hang_after", httpx.ReadTimeout, True),
    ],
)
def test_a_broadcast_without_an_answer(
    node: OurNode, mode: str, error: type[Exception], effect: bool
) -> None:
    paid = node.control("POST", "/pay", {"address": SOMEBODY, "amount": "5"})
    node.control("DELETE", f"/pool/{paid['txid']}")
    node.behave(mode=mode, methods=["eth_sendRawTransaction"])
    with pytest.raises(error):
        ask(node, "eth_sendRawTransaction", paid["hex"])
    known = ask(node, "eth_getTransactionByHash", paid["txid"]).json()["result"]
    assert (known is not None) is effect


def test_a_node_that_is_behind_shows_less(node: OurNode, wallet: Wallet) -> None:
    txid = node.pay(wallet.address, 5, confirm=2)
    at = height(node)
    shown = block(node, "latest")
    node.behave(behind=2)
    assert height(node) == at - 2
    assert node.rpc("eth_getBlockByNumber", hex(at), False) is None
    assert node.rpc("eth_getBlockByHash", shown["hash"], False) is None
    assert node.rpc("eth_getTransactionReceipt", txid) is None
    assert node.rpc("eth_getBalance", wallet.address, "latest") == "0x0"
    assert int(block(node, "finalized")["number"], 16) == at - 10
    syncing = node.rpc("eth_syncing")
    assert (int(syncing["currentBlock"], 16), int(syncing["highestBlock"], 16)) == (at - 2, at)
    node.behave()
    assert node.rpc("eth_syncing") is False


def test_a_node_on_the_wrong_chain_says_so(node: OurNode) -> None:
    node.behave(wrong_chain=True)
    assert (node.rpc("eth_chainId"), node.rpc("net_version")) == ("0x1", "1")


def test_a_block_can_claim_another_parent(node: OurNode) -> None:
    good = block(node, "latest")
    node.behave(corrupt_blocks=True)
    bad = block(node, "latest")
    assert bad.pop("parentHash") != good.pop("parentHash")
    assert bad == good


def test_orders_that_make_no_sense_are_refused(node: OurNode) -> None:
    unknown = "0x" + "12" * 32
    pay = {"address": SOMEBODY, "amount": "1"}
    orders: list[tuple[str, str, Any]] = [
        ("POST", "/mine", {"blocks": 0}),
        ("POST", "/mine", {"transactions": ["0x12"]}),
        ("POST", "/pay", {**pay, "address": "nobody"}),
        ("POST", "/pay", {**pay, "amount": "-1"}),
        ("POST", "/pay", {**pay, "amount": 1.5}),
        ("POST", "/pay", {**pay, "amount": "9" * 40}),
        ("POST", "/pay", {**pay, "token": "DOGE"}),
        ("POST", "/pay", {**pay, "nonce": 0}),
        ("POST", "/reorg", {"depth": 0}),
        ("POST", "/reorg", {"depth": 100_000}),
        ("POST", "/reorg", {"depth": 1, "drop": [unknown]}),
        ("POST", "/reorg", {"depth": 1, "replace": [{**pay, "txid": unknown}]}),
        ("PUT", "/finality", {"safe_lag": -1}),
        ("PUT", "/behaviour", {"mode": "sleepy"}),
        ("PUT", "/addresses/nobody", None),
    ]
    for method, path, body in orders:
        answer = node.http.request(method, path, json=body)
        assert answer.status_code == 422, (path, body, answer.text)
    assert node.http.delete(f"/pool/{unknown}").status_code == 404


def test_a_node_that_dies_is_gone_at_once() -> None:
    with OurNode() as mortal:
        with pytest.raises(httpx.TransportError):
            mortal.http.post("/die")
        assert mortal.process.wait(10) == 1
