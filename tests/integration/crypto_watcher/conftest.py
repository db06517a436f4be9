"""A watcher over scripted nodes for each test."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.integration.crypto_watcher.harness import OpenWatch, Watch, open_watch
from tests.support.bitcoin_chain import ScriptedNode


@pytest.fixture
def node() -> ScriptedNode:
    return ScriptedNode()


@pytest.fixture
def opened(emptied_database: str, node: ScriptedNode) -> OpenWatch:
    def opening(
        nodes: list[ScriptedNode] | None = None, **over: Any
    ) -> AbstractAsyncContextManager[Watch]:
        return open_watch(emptied_database, nodes or [node], **over)

    return opening


@pytest.fixture
async def watch(opened: OpenWatch) -> AsyncIterator[Watch]:
    async with opened() as watching:
        yield watching
