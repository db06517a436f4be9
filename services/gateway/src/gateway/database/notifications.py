"""LISTEN on PostgreSQL and wake the requests that wait for a payment or a saved method.

One connection listens for all requests. PostgreSQL sends a notification, with the id, when a change
of a payment or a saved method commits. A woken request then reads the row from the database, so a
lost notification costs time but never makes a response wrong. After a new connection is open, every
waiting request is woken once.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, connect
from cift_shared.observability.log import get_logger
from cift_shared.waiting import wait_for_event

CHANNELS = ("cift_payment", "cift_method")
"""Payments, notified by the ledger; saved methods, notified by the gateway itself."""
RECONNECT_S = 1.0
CHECK_S = 10.0

log = get_logger()


class Signal:
    """Shows a waiting request that its row may have changed since it was last read."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def set(self) -> None:
        """Wake the waiting request."""
        self._changed.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a change; returns False when none came in time."""
        changed = await wait_for_event(self._changed, timeout_s)
        if changed:
            self._changed.clear()
        return changed


class PaymentSignals:
    """Distributes notifications to the requests that wait for them."""

    name = "payment-signals"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._waiting: dict[str, set[Signal]] = {}
        self.stopping = False
        """True once the server is shutting down: no request should wait any longer."""

    @contextlib.contextmanager
    def watch(self, row_id: str) -> Iterator[Signal]:
        """A signal for one payment or saved method; read the row after this call, then wait."""
        signal = Signal()
        self._waiting.setdefault(row_id, set()).add(signal)
        try:
            yield signal
        finally:
            watchers = self._waiting[row_id]
            watchers.discard(signal)
            if not watchers:
                del self._waiting[row_id]

    def stop(self) -> None:
        """Wake every waiting request, so that the server can stop."""
        self.stopping = True
        self._wake_all()

    async def run(self) -> None:
        """Listen until cancelled; connect again when the connection is lost."""
        while True:
            reason = "closed"
            try:
                await self._listen()
            except INFRASTRUCTURE_ERRORS as error:
                reason = repr(error)
            log.warning("payment_signals.disconnected", error=reason)
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        connection = await connect(self._dsn, application_name="cift_gateway_listen")
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        try:
            for channel in CHANNELS:
                await connection.add_listener(channel, self._on_notification)
            self._wake_all()
            # asyncpg reports a closed connection; a dead one is detected by a query
            while not await wait_for_event(lost, CHECK_S):
                await connection.fetchval("select 1", timeout=CHECK_S)
        finally:
            connection.terminate()

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, row_id: object) -> None:
        for signal in self._waiting.get(str(row_id), ()):
            signal.set()

    def _wake_all(self) -> None:
        for signals in self._waiting.values():
            for signal in signals:
                signal.set()
