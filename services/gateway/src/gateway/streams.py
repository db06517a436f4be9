"""A payment's state changes as server-sent events (WHATWG HTML, section 9.2).

Each event's id is its number in the ledger, so a client that comes back with `Last-Event-ID` misses
nothing and sees nothing twice. The stream ends after the final state.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from cift_shared.vault import Vault
from gateway.auth import Caller
from gateway.context import Gateway
from gateway.events import Signal
from gateway.problems import Problem
from gateway.schemas import (
    FINAL_STATUSES,
)
from gateway.statements import Row
from gateway.views import payment_out

HEARTBEAT_S = 15.0
STREAM_S_MAX = 15 * 60.0
RETRY_MS = 1_000
_HEARTBEAT = b": still here\n\n"


@dataclass(slots=True)
class PaymentStream:
    """One open stream."""

    gateway: Gateway
    caller: Caller
    payment_id: UUID
    signal: Signal
    after: int
    """Number of the last event the client has."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The stream, byte for byte."""
        deadline = self.gateway.clock.monotonic() + STREAM_S_MAX
        yield f"retry: {RETRY_MS}\n\n".encode()
        while self.gateway.clock.monotonic() < deadline and not self.gateway.signals.stopping:
            changes, payment = await self.news()
            for change in changes:
                yield event_bytes(change, payment, self.gateway.vault)
            if payment["status"] in FINAL_STATUSES:
                if not changes or changes[-1]["to_status"] in FINAL_STATUSES:
                    return
                continue
            if not await self.signal.wait(HEARTBEAT_S):
                yield _HEARTBEAT

    async def news(self) -> tuple[Sequence[Row], Row]:
        """Changes since the last look and then the payment, which is never behind them.

        Raises:
            Problem: there is no such payment.
        """
        changes = await self.gateway.store.state_changes(self.payment_id, after=self.after)
        payment = await self.gateway.store.payment(self.caller, self.payment_id)
        if payment is None:
            raise Problem("payment_not_found")
        if changes:
            self.after = changes[-1]["event_seq"]
        return changes, payment


class EventStreamResponse(StreamingResponse):
    """A stream that gives back what it holds, however it ends."""

    media_type = "text/event-stream"

    def __init__(self, stream: PaymentStream, held: ExitStack) -> None:
        super().__init__(stream.chunks(), headers={"X-Accel-Buffering": "no"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        with self._held:
            await super().__call__(scope, receive, send)


def event_bytes(change: Row, payment: Row, vault: Vault) -> bytes:
    """One state change as an event; `payment` is the payment as it is now."""
    kind = f"payment.{change['to_status']}"
    data = {
        "event_id": f"{payment['payment_id']}.{change['version']}",
        "type": kind,
        "payment_id": str(payment["payment_id"]),
        "status": change["to_status"],
        "version": change["version"],
        "occurred_at": change["occurred_at"].isoformat(),
        "payment": payment_out(payment, vault).model_dump(mode="json"),
    }
    text = json.dumps(data, separators=(",", ":"))
    return f"id: {change['event_seq']}\nevent: {kind}\ndata: {text}\n\n".encode()
