"""The outermost layer: it records arrivals and applies the faults that need the connection."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from provider_sandbox.faults import BEFORE, INSIDE, Fault, Kind
from provider_sandbox.twin import Canned, Exchange, Face, Operation, Twin

_BODY_LIMIT = 64 * 1024


class Gate:
    """An ASGI app around the twin's FastAPI app (``inner``)."""

    def __init__(self, inner: FastAPI, twin: Twin, faces: Sequence[Face]) -> None:
        self.inner = inner
        self.twin = twin
        self._faces = faces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI request; control requests and the lifespan pass unchanged."""
        route = self._route(scope) if scope["type"] == "http" else None
        if route is None:
            await self.inner(scope, receive, send)
            return
        face, operation = route
        raw = await _read(receive)
        if raw is None:
            return
        exchange = self._arrive(operation, face.read(scope, raw))
        scope["exchange"] = exchange
        outage = self.twin.store.meta("outage")
        if outage is not None:
            fault: Fault | None = Fault(kind=Kind(outage))
        else:
            fault = self.twin.faults.take_request(operation.name, exchange.body)
        if fault is not None and fault.kind in INSIDE:
            exchange.inside, fault = fault, None
        if fault is not None and fault.kind is Kind.DELAY_BEFORE:
            await asyncio.sleep(fault.delay_s)
        answer: list[Message] = []
        if fault is None or fault.kind not in BEFORE:
            answer = await self._serve(scope, raw)
        await _reply(exchange.fault or fault, face, answer, receive, send)

    def _route(self, scope: Scope) -> tuple[Face, Operation] | None:
        for face in self._faces:
            operation = face.operation(scope["method"], scope["path"])
            if operation is not None:
                return face, operation
        return None

    def _arrive(self, operation: Operation, body: dict[str, Any]) -> Exchange:
        if operation.reference is None:
            return Exchange(body=body)
        arrival = self.twin.arrivals.record(
            operation.name,
            reference=_text(body, operation.reference),
            callback_url=_text(body, operation.callback),
        )
        return Exchange(arrival=arrival, body=body)

    async def _serve(self, scope: Scope, raw: bytes) -> list[Message]:
        answer: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.inner(scope, receive, keep)
        return answer


async def _reply(
    fault: Fault | None, face: Face, answer: list[Message], receive: Receive, send: Send
) -> None:
    match None if fault is None else fault.kind:
        case None | Kind.DELAY_BEFORE:
            await _send_all(send, answer)
        case Kind.DELAY if fault is not None:
            await asyncio.sleep(fault.delay_s)
            await _send_all(send, answer)
        case Kind.DROP_BEFORE | Kind.DROP_AFTER_EFFECT:
            await _abort(receive, send)
        case Kind.RESET_MID_BODY:
            await _send_half(send, answer)
            await _abort(receive, send)
        case _ if fault is not None:
            await _send_all(send, _messages(face.canned(fault)))


async def _send_all(send: Send, messages: list[Message]) -> None:
    for message in messages:
        await send(message)


async def _send_half(send: Send, answer: list[Message]) -> None:
    body = b"".join(message.get("body", b"") for message in answer)
    await send(answer[0])
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _abort(receive: Receive, send: Send) -> None:
    """Abort the connection; uvicorn stores it on the object that ``send`` is bound to."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the twin cut this connection")
    transport.abort()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while (await receive())["type"] != "http.disconnect":
                pass


def _messages(canned: Canned) -> list[Message]:
    headers = [
        (b"content-type", canned.content_type.encode()),
        (b"content-length", str(len(canned.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in canned.headers.items()),
    ]
    return [
        {"type": "http.response.start", "status": canned.status, "headers": headers},
        {"type": "http.response.body", "body": canned.body, "more_body": False},
    ]


async def _read(receive: Receive) -> bytes | None:
    """The body; None when the caller disconnected before its end."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts += message.get("body", b"")[: _BODY_LIMIT + 1 - len(parts)]
        if not message.get("more_body", False):
            return bytes(parts)


def _text(body: dict[str, Any], name: str | None) -> str | None:
    value = None if name is None else body.get(name)
    return None if value is None else str(value)
