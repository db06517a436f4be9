"""Any input to the RPC is answered: with a result, or with an error that has a code."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from provider_sandbox.bitcoin import calls
from provider_sandbox.bitcoin.call import CALLS, Context
from provider_sandbox.bitcoin.node import Node
from provider_sandbox.bitcoin.rpc import answer_body
from provider_sandbox.bitcoin.serial import Malformed
from provider_sandbox.bitcoin.transaction import parse_transaction

CODES = {-1, -3, -5, -8, -22, -25, -26, -27, -32600, -32601, -32700}
LEFT_OUT = {"stop", "invalidateblock", "reconsiderblock"}
GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
ROUNDS = 150


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    assert calls
    node = Node()
    yield Context(node, lambda: None)
    node.close()


def anything(chance: random.Random, depth: int = 0) -> Any:
    """A JSON value that a call may or may not expect."""
    simple = (
        None, True, False, 0, 1, 2, 3, -1, 7, 1.5, 1e-9, 2**31, 2**70, "", "x", "0x0", GENESIS,
        "00" * 32, "zz" * 32, "é" * 64, "start", "status", "addr(x)", "raw(00)", "raw(0)", "(((",
        "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk", "00" * 60, "economical", "\x00", "0.5",
    )  # fmt: skip
    if depth < 3 and chance.random() < 0.3:
        items = [anything(chance, depth + 1) for _ in range(chance.randrange(3))]
        names = ("txid", "vout", "desc", "range", "x")
        return items if chance.random() < 0.5 else {chance.choice(names): one for one in items}
    return chance.choice(simple)


@pytest.mark.parametrize("method", sorted(CALLS.keys() - LEFT_OUT))
def test_any_parameters_are_answered(context: Context, method: str) -> None:
    chance = random.Random(method)
    for _ in range(ROUNDS):
        params: Any = [anything(chance) for _ in range(chance.randrange(4))]
        if chance.random() < 0.2:
            params = {chance.choice(("txid", "blockhash", "args", "x")): anything(chance)}
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        status, answer, _ = answer_body(context, body)
        reply = json.loads(answer)
        assert status in (200, 400, 404, 500)
        assert reply["error"] is None or reply["error"]["code"] in CODES, body


def test_any_bytes_are_answered(context: Context) -> None:
    chance = random.Random(1)
    letters = b'{}[]",:0123456789abcdef \\u.-+eEtrufalsn\xff\x00'
    for _ in range(3_000):
        body = bytes(chance.choice(letters) for _ in range(chance.randrange(40)))
        status, answer, _ = answer_body(context, body)
        assert status in (200, 400, 404, 500)
        json.loads(answer)


def test_changed_bytes_of_a_transaction_are_refused_or_another_transaction() -> None:
    chance = random.Random(2)
    good = bytes.fromhex(
        "020000000001014987509c23ef7eedf7aa3adc8dd37b22a0e4973870ae3d76c2f99cef5ee997f900000000"
        "00fdffffff027fc3c90100000000160014d0c4a3ef09e997b6e99e397e518fe3e41a118ca1832d3c280100"
        "00002200204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc3326001015100000000"
    )
    assert parse_transaction(good).raw() == good
    for _ in range(5_000):
        changed = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            parsed = parse_transaction(bytes(changed))
        except Malformed:
            continue
        assert parsed.raw() == changed
