"""Waiting for what another part does in its own time."""

import asyncio
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60


async def eventually(look: Callable[[], Any], what: str) -> Any:
    """What a look finds, once it finds something.

    Raises:
        AssertionError: nothing within a minute.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < deadline:
        found = await look()
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"never came: {what}")
