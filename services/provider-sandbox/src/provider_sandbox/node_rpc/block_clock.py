"""Blocks that come by themselves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable


@contextlib.asynccontextmanager
async def blocks_every(seconds: float, mine: Callable[[], object]) -> AsyncIterator[None]:
    """Mine a block after each interval, for as long as the context is open; 0: never."""

    async def run() -> None:
        while True:
            await asyncio.sleep(seconds)
            mine()

    task = asyncio.create_task(run()) if seconds else None
    try:
        yield
    finally:
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
