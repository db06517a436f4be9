"""The nodes that the suite runs on, and coins for the tests."""

import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.support.bitcoin_keys import Coin, Key
from tests.support.bitcoin_node import BitcoinNode, Rpc

URL = "BITCOIN_RPC_URL"
NODES = [pytest.param("", id="ours")]
if URL in os.environ:
    NODES.append(pytest.param(os.environ[URL], id="given", marks=pytest.mark.nodes))
_COINS, _SATS = 60, 10_000_000
_MATURITY, _FEE = 100, 50_000


@dataclass
class Peer:
    """A node, and confirmed coins of 0.1 BTC on it."""

    rpc: Rpc
    url: str
    end: Callable[[], None]
    key: Key = field(default_factory=lambda: Key(500))
    coins: list[Coin] = field(default_factory=list)

    def mine(self, blocks: int = 1) -> list[str]:
        """The hashes of new blocks, whose rewards go to nobody."""
        return list(self.rpc("generatetoaddress", blocks, Key(501).address))

    def coin(self) -> Coin:
        """A coin that no other test uses."""
        return self.coins.pop()

    def prepare(self) -> None:
        """Mine rewards and split them."""
        rewards: list[Coin] = []
        while sum(one.sats for one in rewards) <= _COINS * _SATS + _FEE:
            [block] = self.rpc("generatetoaddress", 1, self.key.address)
            [reward] = self.rpc("getblock", block, 2)["tx"][:1]
            sats = int(reward["vout"][0]["value"] * 10**8)
            rewards.append(Coin(reward["txid"], 0, sats))
        self.mine(_MATURITY)
        left = sum(one.sats for one in rewards) - _COINS * _SATS - _FEE
        outputs = [(self.key.script, _SATS)] * _COINS + [(self.key.script, left)]
        txid = self.rpc("sendrawtransaction", self.key.spend(rewards, outputs))
        self.coins = [Coin(txid, index, _SATS) for index in range(_COINS)]
        self.mine()


_KEYS = itertools.count(600 + secrets.randbelow(10**9))
"""Others than those of an earlier run on the same node."""


@pytest.fixture
def other() -> Key:
    """A key of its own for each test."""
    return Key(next(_KEYS))


@pytest.fixture(scope="session", params=NODES)
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    if request.param:
        rpc = Rpc(request.param)
        found = Peer(rpc, request.param, rpc.close)
    else:
        node = BitcoinNode()
        found = Peer(node.rpc, node.url, node.close)
    try:
        found.prepare()
        yield found
    finally:
        found.end()
