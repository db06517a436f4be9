"""A Bitcoin node that is slow, dead, wrong, behind or starting, on command."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.provider_sandbox.test_process import free_port
from tests.support.bitcoin_keys import Key
from tests.support.bitcoin_node import BitcoinNode, RpcFailed


def ask(node: BitcoinNode, method: str = "getblockcount", *params: Any) -> httpx.Response:
    request = {"id": 1, "method": method, "params": list(params)}
    return node.rpc.http.post("/", json=request, timeout=1)


def test_a_node_that_starts_says_so(node: BitcoinNode) -> None:
    node.behave(mode="warming_up", times=2)
    for _ in range(2):
        with pytest.raises(RpcFailed) as failed:
            node.rpc("getblockcount")
        assert (failed.value.code, failed.value.status) == (-28, 500)
    assert node.rpc("getblockcount")


@pytest.mark.parametrize(("mode", "status"), [("html", 502), ("html_200", 200), ("busy", 503)])
def test_a_proxy_answers_instead_of_the_node(node: BitcoinNode, mode: str, status: int) -> None:
    node.behave(mode=mode)
    answer = ask(node)
    assert answer.status_code == status
    assert "json" not in answer.headers.get("content-type", "")
    node.behave()
    assert ask(node).json()["error"] is None


def paying(node: BitcoinNode) -> tuple[Callable[[], httpx.Response], Callable[[], bool]]:
    """A broadcast, and whether it had an effect."""
    txid = node.pay(Key(30).address, 5_000)
    [gone] = node.control("DELETE", f"/mempool/{txid}")["removed"]
    return (
        lambda: ask(node, "sendrawtransaction", gone["hex"]),
        lambda: txid in node.rpc("getrawmempool"),
    )


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
    node: BitcoinNode, mode: str, error: type[Exception], effect: bool
) -> None:
    send, sent = paying(node)
    node.behave(mode=mode, methods=["sendrawtransaction"])
    assert ask(node).json()["error"] is None  # another method
    with pytest.raises(error):
        send()
    assert sent() is effect


def test_a_slow_node_answers_late(node: BitcoinNode) -> None:
    node.behave(delay_s=1.5)
    with pytest.raises(httpx.ReadTimeout):
        ask(node)


def test_a_node_that_is_behind_shows_less(node: BitcoinNode) -> None:
    [low, *_, high] = node.mine(3)
    height = node.rpc("getblockcount")
    node.behave(behind=2)
    assert node.rpc("getblockcount") == height - 2
    assert node.rpc("getbestblockhash") == low
    found = node.rpc("getblockchaininfo")
    assert (found["blocks"], found["headers"]) == (height - 2, height)
    assert found["initialblockdownload"] is True
    assert "nextblockhash" not in node.rpc("getblockheader", low)
    for question in (("getblock", high), ("getblockheader", high), ("getblockhash", height)):
        with pytest.raises(RpcFailed):
            node.rpc(*question)
    node.behave()
    assert node.rpc("getblockcount") == height


def test_a_node_on_the_wrong_chain_says_so(node: BitcoinNode) -> None:
    node.behave(wrong_chain=True)
    assert node.rpc("getblockchaininfo")["chain"] == "main"
    assert node.rpc("getblockhash", 0).startswith("000000000019d668")


def test_a_block_can_have_other_contents_than_its_hash_says(node: BitcoinNode) -> None:
    best = node.rpc("getbestblockhash")
    good = node.rpc("getblock", best, 0)
    node.behave(corrupt_blocks=True)
    bad = node.rpc("getblock", best, 0)
    assert (len(bad), bad[:160]) == (len(good), good[:160])
    assert bad != good


def test_orders_that_make_no_sense_are_refused(node: BitcoinNode) -> None:
    unknown = "12" * 32
    orders: list[tuple[str, str, Any]] = [
        ("POST", "/mine", {"blocks": 0}),
        ("POST", "/mine", {"blocks": 1, "address": "nobody"}),
        ("POST", "/mine", {"transactions": [unknown]}),
        ("POST", "/pay", {"outputs": []}),
        ("POST", "/pay", {"outputs": [{"address": Key(1).address, "sats": -1}]}),
        ("POST", "/pay", {"outputs": [{"address": Key(1).address, "sats": 1}]}),
        ("POST", "/pay", {"outputs": [{"address": Key(1).address, "sats": 2_000_000_000_000_000}]}),
        ("POST", "/pay", {"outputs": [{"address": Key(1).address, "sats": 9_999}], "fee_rate": 0}),
        ("POST", "/replace", {"txid": unknown, "fee_rate": "5"}),
        ("POST", "/reorg", {"depth": 0}),
        ("POST", "/reorg", {"depth": 100_000}),
        ("POST", "/reorg", {"depth": 2, "blocks": 2}),
        ("POST", "/reorg", {"depth": 1, "drop": [unknown]}),
        ("PUT", "/behaviour", {"mode": "sleepy"}),
        ("PUT", "/fees", {"min_relay": "-1"}),
        ("PUT", "/addresses/nobody", None),
    ]
    for method, path, body in orders:
        answer = node.http.request(method, path, json=body)
        assert answer.status_code == 422, (path, body, answer.text)
    assert node.http.delete(f"/mempool/{unknown}").status_code == 404


def test_blocks_go_from_one_node_to_another(node: BitcoinNode) -> None:
    """How a second node of the same chain is made, which then can lag or fork."""
    with BitcoinNode() as second:
        for height in range(1, node.rpc("getblockcount") + 1):
            second.rpc("submitblock", node.rpc("getblock", node.rpc("getblockhash", height), 0))
        [new] = node.mine()  # more work than the second node's own first blocks
        second.rpc("submitblock", node.rpc("getblock", new, 0))
        assert second.rpc("getbestblockhash") == new
        second.mine()
        assert second.rpc("getblockhash", node.rpc("getblockcount")) == new


def test_a_node_that_dies_is_gone_at_once() -> None:
    with BitcoinNode() as mortal:
        with pytest.raises(httpx.TransportError):
            mortal.http.post("/die")
        assert mortal.process.wait(10) == 1


def test_the_process_ends_at_a_signal_and_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with BitcoinNode() as mortal:
        assert list(tmp_path.iterdir())
        mortal.process.send_signal(signal.SIGTERM)
        assert mortal.process.wait(10) == 0
    assert list(tmp_path.iterdir()) == []


def test_without_a_password_there_is_no_start() -> None:
    kept = {name: value for name, value in os.environ.items() if "CIFT_SANDBOX" not in name}
    command = [sys.executable, "-m", "provider_sandbox.bitcoin"]
    port = {"CIFT_SANDBOX_HTTP_PORT": str(free_port())}
    done = subprocess.run(
        command, env={**kept, **port}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "CIFT_SANDBOX_BITCOIN_RPC_PASSWORD: Field required"
