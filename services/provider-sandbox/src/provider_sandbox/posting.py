"""The HTTP transport of the webhook sender: send a request, read only the status of the answer.

It replaces httpx's own transport, which takes four times the CPU: the twin runs on the same machine
as the services that are measured with it.
"""

import asyncio
import select

import httptools
import httpx

IDLE_S_MAX = 4.0
"""Maximum idle time of a connection, in seconds; later the receiver may be about to close it."""

_PORTS = {"http": 80, "https": 443}


class PostingTransport(httpx.AsyncBaseTransport):
    """One connection for each open request; a response has a status, but no headers or body."""

    def __init__(self) -> None:
        self._tls = httpx.create_ssl_context(trust_env=False)
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for its answer, without a time limit of its own.

        Raises:
            httpx.UnsupportedProtocol: the scheme is not http or https.
            httpx.ConnectError: the connection failed.
            httpx.ReadError: the connection ended before the answer.
        """
        url, body = request.url, await request.aread()
        head = [b"%s %s HTTP/1.1" % (request.method.encode(), url.raw_path)]
        head += [b"%s: %s" % header for header in request.headers.raw]
        connection = self._reusable(url) or await self._connect(url)
        status = await connection.send(b"\r\n".join([*head, b"", body]))
        self._idle.append(connection)
        return httpx.Response(status)

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in self._idle:
            connection.transport.abort()
        await asyncio.sleep(0)

    def _reusable(self, url: httpx.URL) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.can_serve(url):
                return connection
            connection.transport.abort()
        return None

    async def _connect(self, url: httpx.URL) -> "_Connection":
        if url.scheme not in _PORTS:
            raise httpx.UnsupportedProtocol(url.scheme)
        tls = self._tls if url.scheme == "https" else None
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(url), url.host, url.port or _PORTS[url.scheme], ssl=tls
            )
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        return connection


class _Connection(asyncio.Protocol):
    """One connection; it carries one request at a time."""

    transport: asyncio.Transport

    def __init__(self, url: httpx.URL) -> None:
        self._origin = (url.scheme, url.host, url.port)
        self._status: asyncio.Future[int] | None = None
        self._last_at = 0.0

    def can_serve(self, url: httpx.URL) -> bool:
        idle_s = asyncio.get_running_loop().time() - self._last_at
        if (url.scheme, url.host, url.port) != self._origin or idle_s > IDLE_S_MAX:
            return False
        return not self.transport.is_closing() and not self._has_ended()

    async def send(self, data: bytes) -> int:
        loop = asyncio.get_running_loop()
        self._status = loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        self.transport.write(data)
        try:
            return await self._status
        except BaseException:
            self.transport.abort()
            raise
        finally:
            self._last_at = loop.time()

    def _has_ended(self) -> bool:
        """True when the receiver has closed the connection and our loop has not seen it yet."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.connection_lost(error)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < httpx.codes.OK:
            return  # an interim answer such as 100 Continue: the final one follows
        if not self._parser.should_keep_alive():
            self.transport.close()
        if self._status is not None and not self._status.done():
            self._status.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._status is not None and not self._status.done():
            self._status.set_exception(httpx.ReadError(f"the connection ended: {exc!r}"))
