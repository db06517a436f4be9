"""A payment's state changes as server-sent events (WHATWG HTML, section 9.2).

The id of an event is the payment's version after the change. So a client that reconnects with
`Last-Event-ID` gets every later event once, and the id reveals nothing about other payments. When
the client's id is above the newest version, the database was restored since the client read it:
the client gets the newest event. The stream ends after a final status.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.database.notifications import Signal
from gateway.database.queries import Row
from gateway.payments.presenters import payment_out
from gateway.payments.service import Payments
from gateway.payments.statuses import FINAL_STATUSES
from gateway.problems.problem import parameter_problem

HEARTBEAT_S = 15.0
STREAM_S_MAX = 15 * 60.0
RETRY_MS = 1_000
EVENT_ID_MAX = 2**63 - 1
_HEARTBEAT = b": still here\n\n"


@dataclass(slots=True)
class PaymentStream:
    """One open stream."""

    payments: Payments
    caller: Caller
    payment_id: UUID
    signal: Signal
    after: int
    """Id of the last event the client has, 0 for none."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the stream."""
        clock, signals = self.payments.clock, self.payments.waiting.signals
        deadline = clock.monotonic() + STREAM_S_MAX
        yield f"retry: {RETRY_MS}\n\n".encode()
        while clock.monotonic() < deadline and not signals.stopping:
            changes, payment = await self.next_changes()
            for change in changes:
                yield event_bytes(change, payment, self.payments.vault)
            if payment["status"] in FINAL_STATUSES:
                if not changes or changes[-1]["to_status"] in FINAL_STATUSES:
                    return
                continue
            if not await self.signal.wait(HEARTBEAT_S):
                yield _HEARTBEAT

    async def next_changes(self) -> tuple[Sequence[Row], Row]:
        """Read the changes since the last call, then the payment, so that it is never older.

        Raises:
            Problem: there is no such payment.
        """
        changes = await self.payments.repository.state_changes(self.payment_id, after=self.after)
        payment = await self.payments.one(self.caller, self.payment_id)
        if changes:
            self.after = changes[-1]["version"]
        return changes, payment


class EventStreamResponse(StreamingResponse):
    """A streaming response that releases what it holds (slot and signal), however it ends."""

    media_type = "text/event-stream"

    def __init__(self, stream: PaymentStream, held: ExitStack) -> None:
        super().__init__(stream.chunks(), headers={"X-Accel-Buffering": "no"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        with self._held:
            await super().__call__(scope, receive, send)


def last_event_id(text: str) -> int:
    """The id in a `Last-Event-ID` header; 0 for an empty header: the client has no event yet.

    Raises:
        Problem: not a number of at most 63 bits.
    """
    if not text:
        return 0
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(EVENT_ID_MAX))
    if not is_number or int(text) > EVENT_ID_MAX:
        raise parameter_problem(
            "validation_failed",
            "The id of an event of this stream, or empty.",
            place="header",
            name="last-event-id",
        )
    return int(text)


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
    return f"id: {change['version']}\nevent: {kind}\ndata: {text}\n\n".encode()
