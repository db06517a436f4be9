"""One node for all tests of a module; none of them depends on its height."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support.ethereum_keys import Wallet
from tests.support.ethereum_node import OurNode

_NUMBERS = itertools.count(5_000)


@pytest.fixture(scope="module")
def process() -> Iterator[OurNode]:
    with OurNode() as node:
        yield node


@pytest.fixture
def node(process: OurNode) -> Iterator[OurNode]:
    """The node, which behaves and whose fees and finality are as at the start."""
    yield process
    process.behave()
    process.control("PUT", "/fees", {})
    process.control("PUT", "/finality", {})
    process.mine(2)


@pytest.fixture
def wallet() -> Wallet:
    """An account of its own for each test."""
    return Wallet(next(_NUMBERS))
