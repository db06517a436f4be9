"""The RPC's HTTP: authentication, the versions of JSON-RPC, batches, and wrong input."""

from typing import Any

import httpx
import pytest

from tests.contract.bitcoin_node.conftest import Peer


def post(peer: Peer, body: Any) -> httpx.Response:
    if isinstance(body, str | bytes):
        return peer.rpc.http.post("/", content=body)
    return peer.rpc.http.post("/", json=body)


@pytest.mark.parametrize("user", [None, ("cift", "wrong"), ("", "")])
def test_without_the_password_there_is_no_answer(peer: Peer, user: Any) -> None:
    bare = str(httpx.URL(peer.url).copy_with(userinfo=b""))
    answer = httpx.post(bare, json={"method": "getblockcount"}, auth=user, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="jsonrpc"'
    assert answer.content == b""


def test_only_post_is_served(peer: Peer) -> None:
    assert peer.rpc.http.get("/").status_code == 405


def test_version_one_has_both_members_and_an_http_status(peer: Peer) -> None:
    good = post(peer, {"method": "getblockcount", "id": "x"})
    assert (good.status_code, sorted(good.json())) == (200, ["error", "id", "result"])
    bad = post(peer, {"jsonrpc": "1.0", "method": "getblockhash", "params": [-1], "id": 1})
    assert (bad.status_code, bad.json()["result"], bad.json()["error"]["code"]) == (500, None, -8)


def test_version_two_is_always_200_and_has_one_member(peer: Peer) -> None:
    for method, member in (("getblockcount", "result"), ("getnothing", "error")):
        answer = post(peer, {"jsonrpc": "2.0", "method": method, "id": 1})
        assert answer.status_code == 200
        assert sorted(answer.json()) == sorted(["jsonrpc", "id", member])
    silent = post(peer, {"jsonrpc": "2.0", "method": "getblockcount"})
    assert (silent.status_code, silent.content) == (204, b"")


def test_parameters_have_names(peer: Peer) -> None:
    best = post(peer, {"method": "getblockhash", "params": {"height": 0}}).json()["result"]
    wrong = post(peer, {"method": "getblockhash", "params": {"heights": 0}}).json()["error"]
    assert best.startswith("0f9188f1")
    assert (wrong["code"], wrong["message"]) == (-8, "Unknown named parameter heights")


def test_a_batch_is_answered_one_by_one(peer: Peer) -> None:
    answer = post(peer, [{"method": "getblockcount", "id": 1}, {"method": "no", "id": 2}, 3])
    assert answer.status_code == 200
    good, unknown, none = answer.json()
    assert isinstance(good["result"], int)
    assert unknown["error"]["code"] == -32601
    assert none["error"]["code"] == -32600
    assert post(peer, "[]").json() == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 500, -32700),
        ("{", 500, -32700),
        ("7", 500, -32700),
        ('"text"', 500, -32700),
        ("{}", 400, -32600),
        ('{"method": 5}', 400, -32600),
        ('{"method": "getblockcount", "params": 5}', 400, -32600),
        ('{"jsonrpc": 2, "method": "getblockcount"}', 400, -32600),
        ('{"jsonrpc": "3.0", "method": "getblockcount"}', 400, -32600),
        ("[" * 100_000, 500, -32700),
        (b'{"method": "\xff"}', 500, -32700),
    ],
)
def test_wrong_bodies(peer: Peer, body: str | bytes, status: int, code: int) -> None:
    answer = post(peer, body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
