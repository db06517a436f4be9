"""Limits on input: size and time of a body, long requests per API key, request rate."""

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import Iterator

from starlette.requests import Request

from cift_shared.clock import Clock
from gateway.problems.problem import Problem

API_BODY_BYTES_MAX = 64 * 1024
WEBHOOK_BODY_BYTES_MAX = 256 * 1024
BODY_TIMEOUT_S = 10.0
SOURCES_MAX = 10_000


async def read_body(request: Request, *, bytes_max: int) -> bytes:
    """Read the raw body, and count its bytes as they arrive: a chunked body has no Content-Length.

    Raises:
        Problem: compressed (its decompressed size is unknown), too large, or too slow.
    """
    refuse_encoded(request)
    announced = request.headers.get("content-length", "")
    too_long = len(announced) > len(str(bytes_max))
    if announced.isdecimal() and (too_long or int(announced) > bytes_max):
        raise _too_large(bytes_max)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > bytes_max:
                    raise _too_large(bytes_max)
    except TimeoutError as error:
        raise Problem("request_timeout", headers={"Connection": "close"}) from error
    return bytes(body)


def refuse_encoded(request: Request) -> None:
    """Refuse a compressed body before a byte of it is read."""
    given = request.headers.getlist("content-encoding")
    if any(encoding.strip().lower() != "identity" for encoding in given):
        raise Problem("content_encoding_unsupported")


def _too_large(bytes_max: int) -> Problem:
    return Problem("body_too_large", f"At most {bytes_max} bytes.")


class Slots:
    """Limits how many long requests (event streams, waits) each API key has open."""

    def __init__(self, per_key: int) -> None:
        self._per_key = per_key
        self._open: Counter[str] = Counter()

    @contextlib.contextmanager
    def take(self, key_id: str) -> Iterator[bool]:
        """Hold a slot for the duration of the block; yields False when the key has none left."""
        if self._open[key_id] >= self._per_key:
            yield False
            return
        self._open[key_id] += 1
        try:
            yield True
        finally:
            self._open[key_id] -= 1
            if not self._open[key_id]:
                del self._open[key_id]


class SourceRate:
    """Rate limit per address or key (generic cell rate algorithm), with a burst of one second."""

    def __init__(self, per_second: int, clock: Clock) -> None:
        self._interval_s = 1 / per_second
        self._clock = clock
        self._due: OrderedDict[str, float] = OrderedDict()

    def allows(self, source: str) -> bool:
        """Count one request of the source; False when it exceeds the rate."""
        return self.allows_many(source, 1)

    def allows_many(self, source: str, count: int) -> bool:
        """Count requests that come together; False when the source has exceeded the rate before.

        They are allowed as soon as one is, also more than a second's worth; the requests after them
        then wait until the source is within its rate again.
        """
        now = self._clock.monotonic()
        due = max(self._due.get(source, now), now)
        if due - now > 1:
            return False
        self._due[source] = due + count * self._interval_s
        self._due.move_to_end(source)
        if len(self._due) > SOURCES_MAX:
            self._due.popitem(last=False)
        return True
