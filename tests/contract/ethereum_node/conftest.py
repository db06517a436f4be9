"""The nodes that the suite runs on, each for a whole module."""

import itertools
import os
from collections.abc import Iterator

import pytest

from tests.support.ethereum_keys import ETHER, Wallet
from tests.support.ethereum_node import Anvil, EthereumNode, OtherAnvil, OurNode

URL = "ETHEREUM_RPC_URL"
_NUMBERS = itertools.count(1_000)


NODES = [
    pytest.param(OurNode, id="ours"),
    pytest.param(Anvil, id="anvil", marks=pytest.mark.nodes),
]
if URL in os.environ:
    NODES.append(
        pytest.param(lambda: OtherAnvil(os.environ[URL]), id="given", marks=pytest.mark.nodes)
    )


@pytest.fixture(scope="module", params=NODES)
def node(request: pytest.FixtureRequest) -> Iterator[EthereumNode]:
    found = request.param()
    yield found
    found.close()


@pytest.fixture
def wallet(node: EthereumNode) -> Wallet:
    """An account of its own for each test, with 10 ether."""
    created = Wallet(next(_NUMBERS))
    node.fund(created.address, 10 * ETHER)
    return created
