"""Hearing of changes: one connection listens for all, and wakes whoever waits for a payment.

A notification comes when a change of a payment or a saved method commits, and carries its id. It
only says "look": whoever is woken reads the database, so one that was lost costs time, never truth.
After a broken connection everyone is woken once.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import asyncpg

from cift_shared.database import CONNECT_TIMEOUT_S, INFRASTRUCTURE_ERRORS
from cift_shared.log import get_logger
from cift_shared.waiting import wait_for_event

CHANNELS = ("cift_payment", "cift_method")
"""Payments, by the ledger; saved methods, by the gateway itself."""
RECONNECT_S = 1.0
CHECK_S = 10.0

log = get_logger()


class Signal:
    """Says that something may have changed since the last look."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def set(self) -> None:
        """Wake the one who waits."""
        self._changed.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a change; False when none came in time."""
        came = await wait_for_event(self._changed, timeout_s)
        if came:
            self._changed.clear()
        return came


class PaymentSignals:
    """Fans notifications out to the requests that wait for them."""

    name = "payment-signals"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._waiting: dict[str, set[Signal]] = {}
        self.stopping = False
        """True once the server is on its way down: nobody should wait any longer."""

    @contextlib.contextmanager
    def watch(self, row_id: str) -> Iterator[Signal]:
        """A signal for one payment or saved method; look at it after this, then wait."""
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
        """Let everybody who waits finish, so that the server can."""
        self.stopping = True
        self._wake_all()

    async def run(self) -> None:
        """Listen, for ever; until cancelled."""
        while True:
            reason = "closed"
            try:
                await self._listen()
            except INFRASTRUCTURE_ERRORS as error:
                reason = repr(error)
            log.warning("payment_signals.disconnected", error=reason)
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"application_name": "cift_gateway_listen"},
        )
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        try:
            for channel in CHANNELS:
                await connection.add_listener(channel, self._heard)
            self._wake_all()
            # a connection that ends says so; one that falls silent is found by asking
            while not await wait_for_event(lost, CHECK_S):
                await connection.fetchval("select 1", timeout=CHECK_S)
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, row_id: object) -> None:
        for signal in self._waiting.get(str(row_id), ()):
            signal.set()

    def _wake_all(self) -> None:
        for signals in self._waiting.values():
            for signal in signals:
                signal.set()
