"""Outermost ASGI layer: log requests, and apply the faults that need the connection."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from provider_sandbox.faults import INSIDE_OPERATION, WITHOUT_EFFECT, Fault, Kind
from provider_sandbox.twin import Exchange, FaultAnswer, Operation, Provider, Twin

_BODY_LIMIT = 64 * 1024


class FaultMiddleware:
    """An ASGI app around the twin's FastAPI app (``inner``)."""

    def __init__(self, inner: FastAPI, twin: Twin, providers: Sequence[Provider]) -> None:
        self.inner = inner
        self.twin = twin
        self._providers = providers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI request; control requests and the lifespan pass unchanged."""
        route = self._route(scope) if scope["type"] == "http" else None
        if route is None:
            await self.inner(scope, receive, send)
            return
        provider, operation = route
        raw = await _read(receive)
        if raw is None:
            return
        exchange = self._log_request(operation, provider.read(scope, raw))
        scope["exchange"] = exchange
        outage = self.twin.store.meta("outage")
        if outage is not None:
            fault: Fault | None = Fault(kind=Kind(outage))
        else:
            fault = self.twin.faults.take_request(operation.name, exchange.body)
        if fault is not None and fault.kind in INSIDE_OPERATION:
            exchange.operation_fault, fault = fault, None
        if fault is not None and fault.kind is Kind.DELAY_BEFORE:
            await asyncio.sleep(fault.delay_s)
        answer: list[Message] = []
        if fault is None or fault.kind not in WITHOUT_EFFECT:
            answer = await self._serve(scope, raw)
        await _reply(exchange.fault or fault, provider, answer, receive, send)

    def _route(self, scope: Scope) -> tuple[Provider, Operation] | None:
        for provider in self._providers:
            operation = provider.operation(scope["method"], scope["path"])
            if operation is not None:
                return provider, operation
        return None

    def _log_request(self, operation: Operation, body: dict[str, Any]) -> Exchange:
        if operation.reference is None:
            return Exchange(body=body)
        number = self.twin.request_log.record(
            operation.name,
            reference=_text(body, operation.reference),
            callback_url=_text(body, operation.callback),
        )
        return Exchange(request_number=number, body=body)

    async def _serve(self, scope: Scope, raw: bytes) -> list[Message]:
        answer: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def collect(message: Message) -> None:
            answer.append(message)

        await self.inner(scope, receive, collect)
        return answer


async def _reply(
    fault: Fault | None, provider: Provider, answer: list[Message], receive: Receive, send: Send
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
            await _send_all(send, _messages(provider.fault_answer(fault)))


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


def _messages(fault_answer: FaultAnswer) -> list[Message]:
    headers = [
        (b"content-type", fault_answer.content_type.encode()),
        (b"content-length", str(len(fault_answer.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in fault_answer.headers.items()),
    ]
    return [
        {"type": "http.response.start", "status": fault_answer.status, "headers": headers},
        {"type": "http.response.body", "body": fault_answer.body, "more_body": False},
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
