"""The HTTP server's connection, with bounds it does not have itself.

    head      so many seconds, so many bytes
    body      so many seconds in all, so many bytes between its parts (chunk sizes, trailers), and
              so many that nobody reads because the answer is out
    crowds    so many connections; then the one that has rested longest makes room

Otherwise a stranger holds connections open with a byte a minute until nobody else gets one, or
fills the memory with one endless header. What can't be read as HTTP is refused with a problem
document like everything else.
"""

import json
import resource
from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from cift_shared.ids import SystemIds
from gateway.limits import BODY_TIMEOUT_S
from gateway.observe import HTTP_REQUESTS, SAFE_HEADERS, UNMATCHED
from gateway.problems import MEDIA_TYPE, Problem

HEAD_TIMEOUT_S = 10.0
HEAD_BYTES_MAX = 32 * 1024
"""Of a request without its body."""
REST_TIMEOUT_S = BODY_TIMEOUT_S + 5
"""From the end of the head to the end of the body: also of one whose answer is out already."""
UNREAD_BYTES_MAX = 16 * 1024 * 1024
"""Of a body after its answer: enough for clients that send everything before they listen."""
CONNECTIONS_MAX = 4_000
_FILES_KEPT = 200
"""File descriptors for everything else."""
STOP = "stop"
"""Key of the lifespan state (ASGI) under which the application says how to end its streams."""


def _connections_max() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(CONNECTIONS_MAX, files - _FILES_KEPT))


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's connection that gives up on slow or endless requests, and on idle crowds."""

    head_timeout_s = HEAD_TIMEOUT_S
    rest_timeout_s = REST_TIMEOUT_S
    connections_max = _connections_max()
    resting: dict["BoundedHttpProtocol", None] = {}  # noqa: RUF012  one for the whole process
    """Connections that no request is under way on, those that have rested longest first."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timer: TimerHandle | None = None
        self._in_head = False
        self._framing_bytes = 0
        self._unread_bytes = 0
        self._fault = "http_malformed"

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Expect the first request; in a crowd somebody who rests has to go, if only this one."""
        super().connection_made(transport)
        self.resting[self] = None
        self._expect_head()
        if len(self.connections) > self.connections_max:
            longest = next(iter(self.resting))
            del self.resting[longest]
            longest.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; too many that are no body end the connection."""
        self._framing_bytes += len(data)
        super().data_received(data)
        if self._framing_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(Problem("head_too_large"))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is none, because it comes after the checks (RFC 9110, 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is here: somebody is at work, and the body may take its time."""
        self._check_head()
        self.resting.pop(self, None)
        self._in_head, self._unread_bytes = False, 0
        self._give_up_after(self.rest_timeout_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body; after the answer it is thrown away, but not for ever."""
        self._framing_bytes -= len(body)
        super().on_body(body)
        if self.cycle.response_complete:
            self._unread_bytes += len(body)
            if self._unread_bytes > UNREAD_BYTES_MAX:
                self._give_up()

    def on_message_complete(self) -> None:
        """The whole request is here; its answer may take as long as it likes."""
        self._stop_timer()
        self._framing_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out; until the next request the connection rests."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self.resting[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self.resting.pop(self, None)
        self._stop_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops: let streams end as they should, instead of being cut off later."""
        stop = self.app_state.get(STOP)
        if stop is not None:
            stop()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:  # uvicorn's signature
        """Refuse what is no HTTP; `msg` is uvicorn's word for it, which callers don't need."""
        del msg
        self._refuse(Problem(self._fault))

    def _check_head(self) -> None:
        """Look at the whole head, in however many pieces it came.

        Raises:
            ValueError: too large, or not one host (RFC 9112, 3.2); the parser ends on it.
        """
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES_MAX:
            self._fault = "head_too_large"
            raise ValueError(self._fault)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise ValueError("not one Host header")

    def _refuse(self, problem: Problem) -> None:
        """Answer in place of the application where that can be no other request's, and hang up."""
        if self._may_answer():
            self.transport.write(_refusal(problem))
        self.transport.close()

    def _may_answer(self) -> bool:
        """False while a whole request waits for its answer, or when this one has had its own."""
        last: RequestResponseCycle | None = self.cycle
        if last is None:
            return True
        if last.response_complete:
            return self._in_head
        return bool(last.more_body and not last.response_started and not self.pipeline)

    def _expect_head(self) -> None:
        if not self._in_head:
            self._in_head = True
            self._give_up_after(self.head_timeout_s)

    def _give_up_after(self, delay_s: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(delay_s, self._give_up)

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _refusal(problem: Problem) -> bytes:
    """The whole answer, with a request id of its own: no request has come into being."""
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
