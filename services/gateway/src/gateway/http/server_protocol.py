"""uvicorn's HTTP connection, with limits that uvicorn does not have.

    head           a maximum of seconds and of bytes
    body           a maximum of seconds in all, of bytes between its parts (chunk sizes, trailers),
                   and of bytes that arrive after the response is complete (they are discarded)
    connections    a maximum number; above it, the connection that was idle longest is closed

Without these limits a client could keep all connections busy by sending one byte a minute, or fill
the memory with one endless header. Input that is not valid HTTP is refused
with a problem document, after the responses to all complete requests before it.
"""

import json
import resource
from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
)

from cift_shared.ids import SystemIds
from gateway.http.limits import BODY_TIMEOUT_S
from gateway.http.middleware import HTTP_REQUESTS, SAFE_HEADERS, UNMATCHED
from gateway.problems.problem import MEDIA_TYPE, Problem

HEAD_TIMEOUT_S = 10.0
HEAD_BYTES_MAX = 32 * 1024
"""Bytes of a request without its body."""
BODY_TRANSFER_TIMEOUT_S = BODY_TIMEOUT_S + 5
"""From the end of the head to the end of the body, even if the response is complete already."""
UNREAD_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of a body after its response; enough for clients that send everything before they read."""
CONNECTIONS_MAX = 4_000
_FILES_KEPT = 200
"""File descriptors reserved for everything else."""
STOP = "stop"
"""Key in the lifespan state (ASGI) for the application's function that ends its streams."""


def _connections_max() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(CONNECTIONS_MAX, files - _FILES_KEPT))


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's connection that ends slow or endless requests, and surplus idle connections."""

    head_timeout_s = HEAD_TIMEOUT_S
    body_transfer_timeout_s = BODY_TRANSFER_TIMEOUT_S
    connections_max = _connections_max()
    idle: dict["BoundedHttpProtocol", None] = {}  # noqa: RUF012  one for the whole process
    """Idle connections (no request in progress), the longest idle first."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timer: TimerHandle | None = None
        self._in_head = False
        self._in_body = False
        self._framing_bytes = 0
        self._unread_bytes = 0
        self._unanswered = 0
        """Number of requests whose head has arrived and whose response is not complete."""
        self._fault = "http_malformed"
        self._ending = False
        """True once nothing more is read, and the connection ends after the last response."""
        self._refused: Problem | None = None
        """The problem to send at that end, for the input that could not be read."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Expect a request; above the limit, abort the longest-idle connection, maybe this one."""
        super().connection_made(transport)
        self.idle[self] = None
        self._expect_head()
        if len(self.connections) > self.connections_max:
            longest = next(iter(self.idle))
            del self.idle[longest]
            longest.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Receive bytes; too many outside a body end the connection."""
        if self._ending:
            self._count_discarded(len(data))
            return
        self._framing_bytes += len(data)
        super().data_received(data)
        is_over = self._ending or self.transport.is_closing()
        if self._framing_bytes > HEAD_BYTES_MAX and not is_over:
            self._refuse(Problem("head_too_large"))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header; ignore a trailer, as it arrives after the checks (RFC 9110, 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete: check it, mark the connection as busy, start the body's timer."""
        self._check_head()
        self.idle.pop(self, None)
        self._in_head, self._unread_bytes = False, 0
        self._start_timer(self.body_transfer_timeout_s)
        super().on_headers_complete()
        self._in_body = True
        self._unanswered += 1

    def on_body(self, body: bytes) -> None:
        """Receive a part of the body; after the response it is discarded, up to a limit."""
        self._framing_bytes -= len(body)
        super().on_body(body)
        if self.cycle.response_complete:
            self._count_discarded(len(body))

    def on_message_complete(self) -> None:
        """The request is complete: stop the timer; the response has no time limit."""
        self._stop_timer()
        self._in_body, self._framing_bytes = False, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The response is complete; until the next request the connection is idle."""
        self._unanswered -= 1
        super().on_response_complete()
        if self._ending and not self._unanswered:
            self._close_with(self._refused)
        if self.cycle.response_complete and not self.transport.is_closing():
            self.idle[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed: stop the timer."""
        self.idle.pop(self, None)
        self._stop_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops: end the event streams properly, instead of cutting them off later."""
        stop = self.app_state.get(STOP)
        if stop is not None:
            stop()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:  # uvicorn's signature
        """Refuse input that is not HTTP; `msg` is uvicorn's text, which callers don't need."""
        del msg
        self._refuse(Problem(self._fault))

    def _check_head(self) -> None:
        """Check the complete head, in however many pieces it arrived.

        Raises:
            ValueError: too large, or not one host (RFC 9112, 3.2); it makes the parser fail.
        """
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES_MAX:
            self._fault = "head_too_large"
            raise ValueError(self._fault)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise ValueError("not one Host header")

    def _refuse(self, problem: Problem | None) -> None:
        """End the connection: first send the responses of all complete requests, then this problem.

        None sends no problem. A request whose body can't be read gets the problem as its response,
        unless its own response has begun.
        """
        if self._in_body:
            if self.pipeline and self.pipeline[0][0] is self.cycle:
                # it still waits in the pipeline: the application has not seen it
                self.pipeline.popleft()
                self._unanswered -= 1
            else:
                self._close_with(None if self.cycle.response_started else problem)
                return
        if not self._unanswered:
            self._close_with(problem)
            return
        self._stop_timer()
        self._ending, self._refused = True, problem

    def _close_with(self, problem: Problem | None) -> None:
        if problem is not None and not self.transport.is_closing():
            self.transport.write(_refusal(problem))
        self.transport.close()

    def _count_discarded(self, size: int) -> None:
        """Count discarded bytes; too many end the connection."""
        self._unread_bytes += size
        if self._unread_bytes > UNREAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.close()

    def _expect_head(self) -> None:
        if not self._in_head:
            self._in_head = True
            self._start_timer(self.head_timeout_s)

    def _start_timer(self, delay_s: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(delay_s, self._on_timeout)

    def _on_timeout(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self._refuse(None)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _refusal(problem: Problem) -> bytes:
    """The complete response, with its own request id: the application never saw a request."""
    request_id = SystemIds().new_id()
    status = problem.kind.status
    HTTP_REQUESTS.labels("OTHER", UNMATCHED, str(status)).inc()
    body = json.dumps(problem.document(request_id.urn)).encode()
    headers = {
        **SAFE_HEADERS,
        "X-Request-Id": str(request_id),
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [f"{name}: {value}\r\n".encode() for name, value in headers.items()]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])
