"""Any input to the RPC is answered: with a result, or with an error that has a code."""

import json
import random
from typing import Any

import pytest

from provider_sandbox.ethereum import calls
from provider_sandbox.ethereum.call import CALLS, Context
from provider_sandbox.ethereum.node import Node
from provider_sandbox.ethereum.rpc import answer_body

CODES = {3, -32000, -32600, -32601, -32602, -32700}
ROUNDS = 60
SOMEBODY = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"


@pytest.fixture(scope="module")
def context() -> Context:
    assert calls
    return Context(Node())


def anything(chance: random.Random, depth: int = 0) -> Any:
    """A JSON value that a call may or may not expect."""
    simple = (
        None, True, False, 0, 1, -1, 1.5, 2**70, "", "x", "0x", "0x0", "0x1", "0x01", "0x5",
        "latest", "pending", "safe", "finalized", "earliest", SOMEBODY, "0x" + "0" * 64,
        "0x" + "12" * 32,
        "0x" + "f" * 64, "0x" + "f" * 65, "0xzz", "é", "0x02", "0xc0", "0x00" + "ff" * 300,
        "callTracer",
    )  # fmt: skip
    if depth < 3 and chance.random() < 0.4:
        items = [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
        names = (
            "to", "from", "data", "input", "value", "gas", "blockHash", "blockNumber", "fromBlock",
            "toBlock", "address", "topics", "tracer", "requireCanonical",
        )  # fmt: skip
        return items if chance.random() < 0.3 else {chance.choice(names): one for one in items}
    return chance.choice(simple)


@pytest.mark.parametrize("method", sorted(CALLS))
def test_any_parameters_are_answered(context: Context, method: str) -> None:
    chance = random.Random(method)
    for _ in range(ROUNDS):
        params: Any = [anything(chance) for _ in range(chance.randrange(4))]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        status, answer, _ = answer_body(context, body)
        reply = json.loads(answer)
        assert status == 200
        assert ("result" in reply) != ("error" in reply)
        assert "error" not in reply or reply["error"]["code"] in CODES, body


def test_any_bytes_are_answered(context: Context) -> None:
    chance = random.Random(1)
    letters = b'{}[]",:0123456789abcdef \\u.-+eEtrufalsn\xff\x00'
    for _ in range(3_000):
        body = bytes(chance.choice(letters) for _ in range(chance.randrange(40)))
        assert answer_body(context, body)[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc": "2.0", "method": 5, "id": 1}', -32600),
        (b'{"jsonrpc": "1.0", "method": "eth_chainId", "id": 1}', -32600),
        (b'{"jsonrpc": "2.0", "method": "eth_chainId", "id": {}}', -32600),
        (b'{"jsonrpc": "2.0", "method": "eth_chainId", "id": 1, "params": {"a": 1}}', -32602),
    ],
)
def test_wrong_bodies(context: Context, body: bytes, code: int) -> None:
    assert json.loads(answer_body(context, body)[1])["error"]["code"] == code


def test_changed_bytes_of_a_transaction_are_answered(context: Context) -> None:
    chance = random.Random(3)
    node = context.node
    good = node.sign(bytes(range(20)), 5, nonce=10**6).encode()
    for _ in range(300):
        changed = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        params = ["0x" + changed.hex()]
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": params}
        reply = json.loads(answer_body(context, json.dumps(body).encode())[1])
        assert "result" in reply or reply["error"]["code"] == -32000
    node.mine(1)
