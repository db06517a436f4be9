"""Middleware of every request: id, span, log line, metrics, security headers, no stack traces.

It logs one line per request with method, route template, status and duration; never a body, a query
string or the path itself, which may contain a callback token. It ignores trace context that comes
from outside.
"""

from typing import Any
from uuid import UUID

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from cift_shared.clock import Clock
from cift_shared.ids import IdFactory
from cift_shared.observability.log import get_logger
from cift_shared.observability.telemetry import span
from gateway.http.failures import problem_of_failure
from gateway.problems.problem import problem_response

HTTP_REQUESTS = Counter(
    "cift_http_requests_total", "Requests answered.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "cift_http_request_duration_seconds",
    "Time to answer a request; streams and waits count from first to last byte.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "Cache-Control": "no-store",
}
CLIENT_GONE = 499
UNMATCHED = "unmatched"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}

log = get_logger()


class Observe:
    """The outermost middleware of the application."""

    def __init__(self, app: ASGIApp, *, clock: Clock, ids: IdFactory) -> None:
        self._app = app
        self._clock = clock
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application, then log and measure it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._ids.new_id()
        scope.setdefault("state", {})["instance"] = request_id.urn
        reply = _Reply(send, request_id, head_only=scope["method"] == "HEAD")
        started = self._clock.monotonic()
        with span("http.request", kind=SpanKind.SERVER) as current:
            with bound_contextvars(request_id=str(request_id)):
                await self._answer(scope, receive, reply)
                seconds = self._clock.monotonic() - started
                fields = _log_and_measure(scope, reply.status, seconds)
            current.update_name(f"{fields['method']} {fields['route']}")
            current.set_attributes(fields)

    async def _answer(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        try:
            return await self._app(scope, receive, reply.send)
        except ClientDisconnect:
            reply.status = CLIENT_GONE
            return None
        except Exception as error:  # noqa: BLE001  every request has an answer
            problem = await problem_of_failure(scope, error)
        if reply.status == 0:
            response = problem_response(problem, scope["state"]["instance"])
            await response(scope, receive, reply.send)
        return None


class _Reply:
    """Wraps `send`: adds our headers, stores the status, removes the body of a HEAD response."""

    def __init__(self, send: Send, request_id: UUID, *, head_only: bool = False) -> None:
        self._send = send
        self._request_id = request_id
        self._head_only = head_only
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = str(self._request_id)
            for name, value in SAFE_HEADERS.items():
                headers.setdefault(name, value)
        elif self._head_only:
            message = {**message, "body": b""}
        await self._send(message)


def _log_and_measure(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    """Count and log a request; returns the fields that its span gets."""
    route = getattr(scope.get("route"), "path_format", UNMATCHED)
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    HTTP_REQUESTS.labels(method, route, str(status)).inc()
    HTTP_SECONDS.labels(method, route).observe(seconds)
    caller = scope["state"].get("caller")
    fields = {"method": method, "route": route, "status": status}
    log.info(
        "gateway.request",
        **fields,
        duration_ms=round(seconds * 1000, 1),
        merchant_id=caller.merchant_id if caller else None,
    )
    return fields
