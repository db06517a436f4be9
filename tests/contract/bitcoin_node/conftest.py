"""The nodes that the suite runs on, and coins for the tests."""

import itertools
import os
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
_MATURITY = 100


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
        """Mine a reward and split it."""
        [block] = self.rpc("generatetoaddress", 1, self.key.address)
        [reward] = self.rpc("getblock", block, 2)["tx"]
        sats = int(reward["vout"][0]["value"] * 10**8)
        self.mine(_MATURITY)
        outputs = [(self.key.script, _SATS)] * _COINS
        outputs.append((self.key.script, sats - _COINS * _SATS - 10_000))
        raw = self.key.spend([Coin(reward["txid"], 0, sats)], outputs)
        txid = self.rpc("sendrawtransaction", raw)
        self.coins = [Coin(txid, index, _SATS) for index in range(_COINS)]
        self.mine()


_KEYS = itertools.count(600)


@pytest.fixture
def other() -> Key:
    """A key of its own for each test."""
    return Key(next(_KEYS))


@pytest.fixture(scope="module", params=NODES)
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
