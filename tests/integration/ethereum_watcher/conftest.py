"""A watcher over a node for each test."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.integration.ethereum_watcher.harness import OpenWatch, TestNode, Watching, open_watch


@pytest.fixture
def node() -> TestNode:
    return TestNode()


@pytest.fixture
def opened(emptied_database: str, node: TestNode) -> OpenWatch:
    def opening(
        nodes: Sequence[TestNode] = (), **over: Any
    ) -> AbstractAsyncContextManager[Watching]:
        return open_watch(emptied_database, nodes or [node], **over)

    return opening


@pytest.fixture
async def watch(opened: OpenWatch) -> AsyncIterator[Watching]:
    async with opened() as watching:
        yield watching
