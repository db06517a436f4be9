"""The nodes, and the watcher in front of one."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.contract.ethereum_node.conftest import node, wallet
from tests.integration.ethereum_watcher.harness import FINAL_AFTER, Watch, open_watch
from tests.support.ethereum_node import EthereumNode

__all__ = ["node", "wallet"]


class Served:
    """A node over HTTP."""

    def __init__(self, node: EthereumNode) -> None:
        self.node = node
        self.url = node.rpc.url

    def transport(self) -> httpx.AsyncBaseTransport | None:
        return None

    def mine(self, blocks: int = 1) -> None:
        self.node.mine(blocks)


WatchedNode = Watch[Served]


@pytest.fixture
async def watch(node: EthereumNode, emptied_database: str) -> AsyncIterator[WatchedNode]:
    node.mine(FINAL_AFTER)
    async with open_watch(emptied_database, [Served(node)]) as watching:
        yield watching
