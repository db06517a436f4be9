"""An httpx transport with one small pool for each connection.

httpcore looks at every connection of a pool for every request; with dozens of them that costs more
than the request itself. Here each line is a pool of one, and a free line is taken from a stack, so
that few connections stay warm and the cost of a request does not grow with their number.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx


class LinesTransport(httpx.AsyncBaseTransport):
    """Up to `count` connections to one host."""

    def __init__(self, count: int, *, keepalive_s: float) -> None:
        self._limits = httpx.Limits(
            max_connections=1, max_keepalive_connections=1, keepalive_expiry=keepalive_s
        )
        self._ssl = httpx.create_ssl_context(trust_env=False)
        self._room = asyncio.Semaphore(count)
        self._free: list[httpx.AsyncHTTPTransport] = []
        self._lines: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on a free line.

        Raises:
            httpx.PoolTimeout: none became free in the request's pool time-out; nothing was sent.
        """
        await self._wait_for_room(request)
        line = self._free.pop() if self._free else self._new_line()
        try:
            response = await line.handle_async_request(request)
        except BaseException:
            self._release(line)
            raise
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            self._release(line)
            return response
        response.stream = _HeldStream(stream, lambda: self._release(line))
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for line in self._lines:
            await line.aclose()

    async def _wait_for_room(self, request: httpx.Request) -> None:
        timeout: float | None = request.extensions.get("timeout", {}).get("pool")
        try:
            async with asyncio.timeout(timeout):
                await self._room.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("every connection is busy", request=request) from error

    def _new_line(self) -> httpx.AsyncHTTPTransport:
        line = httpx.AsyncHTTPTransport(verify=self._ssl, limits=self._limits, retries=0)
        self._lines.append(line)
        return line

    def _release(self, line: httpx.AsyncHTTPTransport) -> None:
        self._free.append(line)
        self._room.release()


class _HeldStream(httpx.AsyncByteStream):
    """A response body that gives its line back when it is closed, once."""

    def __init__(self, stream: httpx.AsyncByteStream, release: Callable[[], None]) -> None:
        self._stream = stream
        self._release: Callable[[], None] | None = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            release, self._release = self._release, None
            if release is not None:
                release()
