"""Post callbacks and webhooks: each once, as the providers do, unless a fault changes this.

A callback that was being posted when the process died is posted again by the next process. Its
receiver must accept duplicates anyway. If the twin lost the callback, a test would fail although
the receiver is correct.
"""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from provider_sandbox.clock import Clock
from provider_sandbox.posting import PostingTransport
from provider_sandbox.scheduled_events import ScheduledEvents
from provider_sandbox.store import Store

log = logging.getLogger(__name__)

_CONCURRENT_MAX = 64
"""Maximum concurrent postings; slow receivers delay other callbacks only above this number."""
METHOD = ":method"
"""Key among a notice's headers of its HTTP method, which is POST without it."""
_HEADERS = {"Accept": "*/*", "User-Agent": "provider-sandbox"}


class CallbackMode(StrEnum):
    """How the callback of one outcome is posted."""

    ONCE = "once"
    """Posted once, as usual."""
    LOST = "lost"
    """Never posted."""
    TWICE = "twice"
    """Posted two times, two seconds apart."""
    LATE = "late"
    """Posted after ten times its usual delay from submission."""
    BEFORE_ANSWER = "before_answer"
    """Posted before the submission itself is answered."""
    OUT_OF_ORDER = "out_of_order"
    """Posted twenty seconds later than usual, so that later payments overtake it."""
    FORGED = "forged"
    """Posted after a forged one with the right ids and a wrong amount."""
    FORGED_ID = "forged_id"
    """Posted after a forged one with the right amount and wrong ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One callback to post."""

    provider: str
    kind: str
    about: str
    """Provider id of the payment that it is about."""
    url: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)


class DeliveryHooks(Protocol):
    """Provider-specific steps before and after each posting of a callback."""

    def sign(self, kind: str, body: str) -> dict[str, str]:
        """Headers to add, such as a signature; computed at the moment of posting."""
        ...

    def ended(self, callback: int, *, delivered: bool) -> None:
        """Called when a posting ended, in the transaction that stores the result."""
        ...


def delays_s(mode: CallbackMode, *, usual_s: float, age_s: float) -> list[float]:
    """When to post, in seconds from now; empty when never.

    Args:
        mode: how the callback is posted.
        usual_s: the delay of an ordinary callback from now.
        age_s: how long ago the payment was submitted.
    """
    match mode:
        case CallbackMode.LOST:
            return []
        case CallbackMode.TWICE:
            return [usual_s, usual_s + 2]
        case CallbackMode.LATE:
            return [10 * (age_s + usual_s) - age_s]
        case CallbackMode.OUT_OF_ORDER:
            return [usual_s + 20]
        case _:
            return [usual_s]


def is_loopback(url: str) -> bool:
    """True for an address on this machine; no name is resolved."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WebhookSender:
    """Stores callbacks, posts them, and logs how each one ended."""

    def __init__(
        self,
        store: Store,
        scheduled_events: ScheduledEvents,
        clock: Clock,
        *,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._store = store
        self._scheduled_events = scheduled_events
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self.hooks: dict[str, DeliveryHooks] = {}
        self._timeout_s = timeout_s
        self._transport = transport or PostingTransport()
        self._slots = asyncio.Semaphore(_CONCURRENT_MAX)

    def send(
        self, notice: Notice, mode: CallbackMode, *, usual_s: float, age_s: float = 0
    ) -> list[int]:
        """Schedule the callback, inside the caller's transaction.

        Returns:
            The callbacks that the caller itself must ``deliver`` before it answers.
        """
        if mode is CallbackMode.BEFORE_ANSWER:
            return [self._insert(notice, "sending")]
        delays = delays_s(mode, usual_s=usual_s, age_s=age_s)
        for delay_s in delays:
            callback = self._insert(notice, "waiting")
            self._scheduled_events.add("deliver", {"callback": callback}, after_s=delay_s)
        if not delays:
            self._insert(notice, "lost")
        return []

    def start(self, payload: dict[str, Any]) -> None:
        """Scheduled event: post a callback in the background."""
        callback = payload["callback"]
        self._store.execute("UPDATE callbacks SET state = 'sending' WHERE id = ?", (callback,))
        self._spawn(self.deliver(callback))

    def resume(self) -> None:
        """Schedule again the callbacks that were being posted when the former process died."""
        with self._store.transaction():
            for row in self._store.all("SELECT id FROM callbacks WHERE state = 'sending'"):
                self._scheduled_events.add("deliver", {"callback": row["id"]}, after_s=0)

    async def deliver(self, callback: int) -> None:
        """Post one callback and store the result."""
        row = self._store.one("SELECT * FROM callbacks WHERE id = ?", (callback,))
        if row is None:
            return
        hooks = self.hooks.get(row["provider"])
        headers = json.loads(row["headers"])
        if not is_loopback(row["url"]):
            self._finish(callback, hooks, error="refused: not a loopback address")
            return
        async with self._slots:
            if hooks is not None:
                headers |= hooks.sign(row["kind"], row["body"])
            try:
                status = await self._post(row["url"], row["body"], headers)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                self._finish(callback, hooks, error=type(error).__name__)
            else:
                self._finish(callback, hooks, http_status=status)

    async def _post(self, url: str, body: str, headers: dict[str, str]) -> int:
        method = headers.pop(METHOD, "POST")
        request = httpx.Request(method, url, headers=_HEADERS | headers, content=body)
        async with asyncio.timeout(self._timeout_s):
            answer = await self._transport.handle_async_request(request)
        await answer.aclose()
        return answer.status_code

    def entries(self, *, since: int, limit: int) -> list[dict[str, Any]]:
        """The log of callbacks after number ``since``, oldest first."""
        rows = self._store.all(
            "SELECT * FROM callbacks WHERE id > ? ORDER BY id LIMIT ?", (since, limit)
        )
        return [{**dict(row), "headers": json.loads(row["headers"])} for row in rows]

    def counts(self) -> dict[str, int]:
        """The number of callbacks in each state."""
        rows = self._store.all("SELECT state, count(*) AS n FROM callbacks GROUP BY state")
        return {row["state"]: row["n"] for row in rows}

    async def stop(self) -> None:
        """Cancel the postings in progress; the store keeps them as ``sending``."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop and close the connections."""
        await self.stop()
        await self._transport.aclose()

    def _insert(self, notice: Notice, state: str) -> int:
        return self._store.insert(
            "callbacks",
            created_at=self._clock.now(),
            provider=notice.provider,
            kind=notice.kind,
            about=notice.about,
            url=notice.url,
            headers=json.dumps(notice.headers),
            body=notice.body,
            state=state,
        )

    def _finish(
        self,
        callback: int,
        hooks: DeliveryHooks | None,
        *,
        http_status: int | None = None,
        error: str | None = None,
    ) -> None:
        delivered = http_status is not None and http_status < 300
        state = "delivered" if delivered else "failed"
        with self._store.transaction():
            self._store.execute(
                "UPDATE callbacks SET state = ?, attempts = attempts + 1, http_status = ?,"
                " error = ?, finished_at = ? WHERE id = ?",
                (state, http_status, error, self._clock.now(), callback),
            )
            if hooks is not None:
                hooks.ended(callback, delivered=delivered)
        log.info("callback %s ended: HTTP %s, error %s", callback, http_status, error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
