"""An httpx transport with a few open connections, for providers that are called constantly.

httpx's own transport examines every connection of its pool for every request and takes four times
the CPU. Here a free connection is taken from a stack, so few connections stay open and the cost of
a request does not grow with their number.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx

from cift_shared.errors import OutcomeUnknown, ProviderUnavailable
from cift_shared.http.connection import ANSWER_BYTES_MAX, HttpConnection, Origin, request_bytes

KEEPALIVE_S = 4.0
"""Short: a connection that the server closes while it is idle would look like a lost response."""

NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Errors after which a request has certainly not reached the provider."""

ANSWER_LOST = "provider_answer_lost"
"""The request was sent, and no complete answer arrived."""

_PORTS = {"http": 80, "https": 443}


class ResponseRejected(httpx.RemoteProtocolError):
    """The provider has answered, but the body is rejected."""


@contextmanager
def translated_errors(operation: str) -> Iterator[None]:
    """Transport errors become `ProviderUnavailable` (nothing was sent) or `OutcomeUnknown`."""
    try:
        yield
    except NOTHING_SENT as error:
        raise ProviderUnavailable(
            "provider_unreachable", f"{operation}: {type(error).__name__}"
        ) from error
    except ResponseRejected as error:
        raise OutcomeUnknown("provider_answer_too_large", str(error)) from error
    except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError) as error:
        raise OutcomeUnknown(ANSWER_LOST, f"{operation}: {type(error).__name__}") from error


class HttpTransport(httpx.AsyncBaseTransport):
    """An httpx transport with up to `count` connections."""

    def __init__(
        self,
        count: int,
        *,
        keepalive_s: float = KEEPALIVE_S,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        """A longer answer than `answer_bytes_max`, its head included, is an error."""
        self._answer_bytes_max = answer_bytes_max
        self._keepalive_s = keepalive_s
        self._tls = httpx.create_ssl_context(trust_env=False)
        self._slots = asyncio.Semaphore(count)
        self._free: list[HttpConnection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on a free connection and return the complete response.

        The time-outs of the request: `pool` and `connect` as in httpx, `read` from the request's
        last byte to the response's last byte.

        Raises:
            httpx.PoolTimeout, httpx.ConnectError, httpx.ConnectTimeout, httpx.LocalProtocolError,
                httpx.UnsupportedProtocol: nothing was sent.
            httpx.TransportError: any other: it was sent, but no complete response arrived.
        """
        data = request_bytes(request, await request.aread())
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        async with self._slot(timeouts.get("pool")):
            connection = await self._connection(_origin(request.url), timeouts.get("connect"))
            try:
                return await connection.send(
                    data, within_s=timeouts.get("read"), bytes_max=self._answer_bytes_max
                )
            finally:
                self._free.append(connection)

    async def aclose(self) -> None:
        """Close every connection."""
        while self._free:
            connection = self._free.pop()
            connection.close()
            await connection.wait_closed()

    @asynccontextmanager
    async def _slot(self, timeout_s: float | None) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(timeout_s):
                await self._slots.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("every connection is busy") from None
        try:
            yield
        finally:
            self._slots.release()

    async def _connection(self, origin: Origin, timeout_s: float | None) -> HttpConnection:
        while self._free:
            connection = self._free.pop()
            if connection.is_usable(origin, keepalive_s=self._keepalive_s):
                return connection
            connection.close()
        try:
            async with asyncio.timeout(timeout_s):
                return await HttpConnection.connect(origin, self._tls)
        except TimeoutError:
            raise httpx.ConnectTimeout("not connected in time") from None
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error


async def whole_body(response: httpx.Response, *, bytes_max: int) -> bytes:
    """The body of a response that is still being read.

    Raises:
        ResponseRejected: the body is compressed, or longer than `bytes_max` bytes.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ResponseRejected("compressed: its size after decompression is unknown")
    parts = bytearray()
    async for part in response.aiter_bytes():
        parts += part
        if len(parts) > bytes_max:
            raise ResponseRejected("the answer is too large")
    return bytes(parts)


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"{url.scheme!r} is not HTTP")
    return url.scheme, url.host, url.port or _PORTS[url.scheme]
