"""One node for all tests of a module; none of them depends on its height."""

from collections.abc import Iterator

import pytest

from tests.support.bitcoin_node import BitcoinNode


@pytest.fixture(scope="module")
def process() -> Iterator[BitcoinNode]:
    with BitcoinNode() as node:
        yield node


@pytest.fixture
def node(process: BitcoinNode) -> Iterator[BitcoinNode]:
    """The node, which behaves and whose fees are low."""
    process.behave()
    yield process
    process.behave()
    rates = {"min_relay": "0.1", "mempool_min": "0", "block_min": "0.001", "estimate": "0"}
    process.control("PUT", "/fees", rates)
