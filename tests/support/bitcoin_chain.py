"""A scripted Bitcoin node: blocks of our own making behind Core's JSON-RPC, which can lie.

It checks no scripts; the node of `provider_sandbox.bitcoin` has the real consensus rules.
"""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

import httpx

from bitcoin_watcher.client import GENESIS

BITS = 0x207FFFFF
TARGET = 0x7FFFFF << (8 * 29)
FOREIGN = b"\x00\x14" + b"\x77" * 20
"""A script that nobody watches."""

_salts = count(1)


def double_sha(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def varint(number: int) -> bytes:
    if number < 0xFD:
        return bytes([number])
    return b"\xfd" + number.to_bytes(2, "little")


class Tx:
    """A transaction that pays scripts; each is another one, by its input."""

    def __init__(
        self,
        *outputs: tuple[bytes, int],
        segwit: bool = True,
        inputs: int = 1,
        salt: int | None = None,
    ) -> None:
        salt = next(_salts) if salt is None else salt
        places = [salt.to_bytes(32, "big") + place.to_bytes(4, "little") for place in range(inputs)]
        ins = varint(inputs) + b"".join(place + b"\x00" + b"\xfd\xff\xff\xff" for place in places)
        outs = varint(len(outputs)) + b"".join(
            satoshi.to_bytes(8, "little") + varint(len(script)) + script
            for script, satoshi in outputs
        )
        version, locktime = b"\x02\0\0\0", b"\0\0\0\0"
        self.bare = version + ins + outs + locktime
        witness = (b"\x02" + varint(71) + b"s" * 71 + varint(33) + b"k" * 33) * inputs
        self.raw = version + b"\0\x01" + ins + outs + witness + locktime if segwit else self.bare
        self.txid = double_sha(self.bare)[::-1].hex()


def merkle(txs: Sequence[Tx]) -> bytes:
    level = [bytes.fromhex(tx.txid)[::-1] for tx in txs]
    while len(level) > 1:
        level += level[-1:] if len(level) % 2 else []
        level = [double_sha(a + b) for a, b in zip(level[::2], level[1::2], strict=True)]
    return level[0]


def block(prev_hash: str, txs: Sequence[Tx], *, bits: int = BITS) -> tuple[str, bytes]:
    """A mined block on another: its hash and its bytes."""
    every = [Tx((FOREIGN, 50 * 10**8)), *txs]
    head = b"\0\0\0\x20" + bytes.fromhex(prev_hash)[::-1] + merkle(every) + b"\0\0\0\0"
    head += bits.to_bytes(4, "little")
    for nonce in count():
        raw = head + nonce.to_bytes(4, "little")
        digest = double_sha(raw)[::-1]
        if int.from_bytes(digest, "big") <= TARGET:
            return digest.hex(), raw + varint(len(every)) + b"".join(tx.raw for tx in every)
    raise AssertionError


Lie = Callable[[list[Any], Any], Any]
"""Takes the parameters and the true result; returns another, or an httpx.Response."""


class ScriptedNode:
    """A node with a chain, a mempool, and lies by method."""

    def __init__(self, chain: str = "regtest") -> None:
        self.chain_name = chain
        self.chain: list[tuple[str, bytes]] = [(GENESIS[chain], b"")]
        self.known: dict[str, bytes] = {}
        self.pool: dict[str, bytes] = {}
        self.lies: dict[str, Lie] = {}
        self.calls: list[str] = []
        self.mine(times=3)

    @property
    def height(self) -> int:
        return len(self.chain) - 1

    def copy(self) -> "ScriptedNode":
        """Another node with the same blocks."""
        other = ScriptedNode(self.chain_name)
        other.chain, other.known = list(self.chain), dict(self.known)
        return other

    def mine(self, *txs: Tx, times: int = 1) -> str:
        """Mine the transactions into a block, then empty blocks; returns the last hash."""
        for place in range(times):
            name, raw = block(self.chain[-1][0], txs if place == 0 else ())
            self.chain.append((name, raw))
            self.known[name] = raw
        for tx in txs:
            self.pool.pop(tx.txid, None)
        return self.chain[-1][0]

    def broadcast(self, *txs: Tx) -> None:
        for tx in txs:
            self.pool[tx.txid] = tx.raw

    def reorg(self, depth: int, *branch: Sequence[Tx]) -> None:
        """Replace the last blocks by a branch of these blocks."""
        del self.chain[len(self.chain) - depth :]
        for txs in branch:
            self.mine(*txs)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        method, params = body["method"], body["params"]
        self.calls.append(method)
        try:
            result = getattr(self, f"_{method}")(*params)
        except (LookupError, AssertionError):
            error = {"code": -5, "message": "Not found: secret text"}
            return httpx.Response(500, json={"result": None, "error": error, "id": body["id"]})
        if method in self.lies:
            result = self.lies[method](params, result)
            if isinstance(result, httpx.Response):
                return result
        return httpx.Response(200, json={"result": result, "error": None, "id": body["id"]})

    def _getblockchaininfo(self) -> Any:
        return {
            "chain": self.chain_name,
            "blocks": self.height,
            "headers": self.height,
            "bestblockhash": self.chain[-1][0],
            "initialblockdownload": False,
        }

    def _getblockhash(self, height: int) -> Any:
        assert height >= 0
        return self.chain[height][0]

    def _getblockheader(self, name: str, _verbose: bool) -> Any:
        return self.known[name][:80].hex()

    def _getblock(self, name: str, _verbosity: int) -> Any:
        return self.known[name].hex()

    def _getrawmempool(self, _verbose: bool) -> Any:
        return list(self.pool)

    def _getrawtransaction(self, txid: str, _verbose: bool) -> Any:
        return self.pool[txid].hex()

    def _estimatesmartfee(self, _blocks: int) -> Any:
        return {"errors": ["Insufficient data or no feerate found"], "blocks": 2}
