"""One HTTP/1.1 connection: it writes a whole request and reads a whole response.

httptools parses the response; our servers use it, too. httpx uses this connection through
`http.transport`; httpx's own connections take four times the CPU.
"""

import asyncio
import select
import ssl
from collections.abc import AsyncIterator
from typing import Self

import httptools
import httpx

ANSWER_BYTES_MAX = 2 * 1024 * 1024
"""Largest response on the wire, head included, where nothing else is said."""
PART_BYTES = 16 * 1024
"""Size of the parts of a body, so that the reader of a compressed body can stop in time."""

Origin = tuple[str, str, int]
"""Scheme, host and port."""


def request_bytes(request: httpx.Request, body: bytes) -> bytes:
    """A request as bytes on the wire.

    Raises:
        httpx.LocalProtocolError: a line break or NUL in the head, a body of unknown length, or the
            method HEAD or CONNECT.
    """
    method, target = request.method.encode(), request.url.raw_path
    lines = [
        b"%s %s HTTP/1.1" % (method, target),
        *(b"%s: %s" % header for header in request.headers.raw),
    ]
    head = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks or b"\0" in head:
        raise httpx.LocalProtocolError("a line break or NUL in the head", request=request)
    if "transfer-encoding" in request.headers or method in (b"HEAD", b"CONNECT"):
        raise httpx.LocalProtocolError("only whole bodies and plain methods", request=request)
    return b"%s\r\n\r\n%s" % (head, body)


class HttpConnection(asyncio.Protocol):
    """A connection that takes one request at a time."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._transport: asyncio.Transport | None = None
        self._pending: _Response | None = None
        self._idle_since = 0.0
        self._closed = asyncio.Event()

    @classmethod
    async def connect(cls, origin: Origin, tls: ssl.SSLContext) -> Self:
        """Open a connection.

        Raises:
            OSError: the host is unknown or does not answer, or its certificate is not valid.
        """
        scheme, host, port = origin
        secure = tls if scheme == "https" else None
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: cls(origin), host, port, ssl=secure
        )
        return connection

    def is_usable(self, origin: Origin, *, keepalive_s: float) -> bool:
        """True when a request to that origin may be sent on this connection."""
        if self._transport is None or self._transport.is_closing() or origin != self.origin:
            return False
        idle_s = asyncio.get_running_loop().time() - self._idle_since
        return idle_s < keepalive_s and not _is_readable(self._transport)

    async def send(
        self, data: bytes, *, within_s: float | None, bytes_max: int = ANSWER_BYTES_MAX
    ) -> httpx.Response:
        """Write a request and return its response, of at most `bytes_max` bytes on the wire.

        Raises:
            httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError: it was written, but no
                complete response arrived.
        """
        assert self._transport is not None
        self._pending = response = _Response(bytes_max)
        self._transport.write(data)
        try:
            async with asyncio.timeout(within_s):
                await response.ended
        except TimeoutError:
            raise httpx.ReadTimeout("no complete answer in time") from None
        finally:
            self._pending = None
            self._idle_since = asyncio.get_running_loop().time()
            if not response.keep_alive:
                self.close()
        return response.to_httpx()

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Return when the connection has ended."""
        await self._closed.wait()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP
        """Handle the asyncio event: connected."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Handle bytes of the response; bytes without a pending request close the connection."""
        if self._pending is None:
            self.close()
        else:
            self._pending.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the asyncio event: the connection has ended."""
        self._closed.set()
        if self._pending is not None:
            self._pending.connection_lost(exc)


class _Response:
    """A response while it arrives; the parser calls the methods `on_...`."""

    def __init__(self, bytes_max: int) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.keep_alive = False
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._bytes_left = bytes_max
        self._body_ends_with_connection = False

    def feed(self, data: bytes) -> None:
        """Parse the next bytes."""
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            self._fail(httpx.RemoteProtocolError("the answer is too large"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.keep_alive = False
            self._fail(httpx.RemoteProtocolError(f"not HTTP: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        """Handle the end of the connection, which also ends a body of undeclared length."""
        self.keep_alive = False
        if error is None and self._body_ends_with_connection:
            self._finish()
        else:
            self._fail(httpx.ReadError(f"the connection ended: {error!r}"))

    def to_httpx(self) -> httpx.Response:
        """The complete response, for httpx."""
        return httpx.Response(
            self._parser.get_status_code(),
            headers=self._headers,
            stream=_BodyParts(bytes(self._body)),
        )

    def on_message_begin(self) -> None:
        self.keep_alive = False  # so a second response to one request closes the connection

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        names = {name.lower() for name, _ in self._headers}
        self._body_ends_with_connection = not names & {b"content-length", b"transfer-encoding"}

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < httpx.codes.OK:
            self._headers.clear()  # 100 Continue, 103 Early Hints: the final response follows
            return
        self.keep_alive = self._parser.should_keep_alive()
        self._finish()

    def _finish(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _fail(self, error: httpx.TransportError) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)


class _BodyParts(httpx.AsyncByteStream):
    """A body in parts."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), PART_BYTES):
            yield self._body[start : start + PART_BYTES]


def _is_readable(transport: asyncio.Transport) -> bool:
    """True when an idle connection is readable: the peer closed it, but the loop does not know yet.

    A request written now would look like one whose response was lost.
    """
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
