"""Wait until a condition is true, and run coroutines from synchronous code."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
Probe = Callable[[], Awaitable[bool]]
"""An async function that returns True or False; it never raises, because "not yet" is False."""

_TIMEOUT_S = 2.0


async def wait_until(probe: Probe, timeout_s: float, *, every_s: float = 0.05) -> bool:
    """Call the probe until it returns True; return False after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not await probe():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(every_s)
    return True


async def answers_ok(url: str) -> bool:
    """Return True when a plain `http://` address answers 200.

    It writes to the socket directly: an HTTP client would first read proxy settings and
    certificates.
    """
    address = urlsplit(url)
    target = f"{address.path or '/'}?{address.query}".rstrip("?")
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(address.hostname, address.port or 80)
            try:
                writer.write(f"GET {target} HTTP/1.0\r\nHost: {address.netloc}\r\n\r\n".encode())
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def run_in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new event loop in a new thread; this thread may have a running loop."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, work).result()
