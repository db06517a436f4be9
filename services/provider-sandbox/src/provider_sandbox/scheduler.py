"""The loop that handles due events; it sleeps until the next event is due."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from provider_sandbox.scheduled_events import Event, ScheduledEvents
from provider_sandbox.store import Store

Handler = Callable[[dict[str, Any]], object]
"""Applies the effect of one event, inside the transaction that removes the event."""

log = logging.getLogger(__name__)

_BATCH = 64


class Scheduler:
    """Handles due events, each in its own transaction, so a crash neither repeats nor skips one."""

    def __init__(
        self, store: Store, scheduled_events: ScheduledEvents, handlers: Mapping[str, Handler]
    ) -> None:
        self._store = store
        self._scheduled_events = scheduled_events
        self._handlers = handlers

    async def run(self) -> None:
        """Handle events until cancelled."""
        while True:
            self._scheduled_events.wake.clear()
            handled = 0
            while handled < _BATCH and (event := self._scheduled_events.next_due()) is not None:
                self._handle(event)
                handled += 1
            if handled:
                await asyncio.sleep(0)  # let requests run
            else:
                await self._sleep()

    async def _sleep(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._scheduled_events.seconds_to_next()):
                await self._scheduled_events.wake.wait()

    def _handle(self, event: Event) -> None:
        self._scheduled_events.origin = event.due_at
        try:
            with self._store.transaction():
                self._scheduled_events.remove(event.seq)
                self._handlers[event.kind](event.payload)
        except Exception:
            # An event that fails must not block the events after it for ever.
            log.exception("event %s of kind %s failed and is dropped", event.seq, event.kind)
            self._scheduled_events.remove(event.seq)
        finally:
            self._scheduled_events.origin = None
