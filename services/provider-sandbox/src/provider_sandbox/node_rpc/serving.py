"""Serve a node on 127.0.0.1, and cut connections."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Send

from provider_sandbox.log import start_logging

_KEEP_ALIVE_S = 75
_STOP_GRACE_S = 3


def serve(prepare: Callable[[], tuple[ASGIApp, int]], *, prefix: str) -> None:
    """Serve until SIGTERM or SIGINT; a missing or bad setting ends the process with status 2.

    Args:
        prepare: makes the app, and names its port.
        prefix: of the environment variables, for the message about a bad one.
    """
    start_logging()
    try:
        app, port = prepare()
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            known = name.startswith(prefix)
            sys.stderr.write(f"{name if known else prefix + name}: {fault['msg']}\n")
        sys.exit(2)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_GRACE_S,
    )
    server = _Server(config)
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, server.handle_exit)
    server.run()


class _Server(uvicorn.Server):
    """uvicorn's server that returns from `run` after a signal instead of raising it again."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop the server."""
        del sig, frame
        self.should_exit = True


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The body of a request; None: the caller disconnected, or the body is larger than `limit`."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts += message.get("body", b"")
        if len(parts) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(parts)


async def respond(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    """Send a whole answer."""
    await _start(send, status, len(body), headers)
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def respond_half(
    receive: Receive, send: Send, status: int, body: bytes, headers: dict[str, str]
) -> None:
    """Send the start of an answer and cut the connection."""
    await _start(send, status, len(body), headers)
    half = body[: len(body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    await cut(receive, send)


async def _start(send: Send, status: int, size: int, headers: dict[str, str]) -> None:
    every = {**headers, "content-length": str(size)}
    encoded = [(name.encode(), value.encode()) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def cut(receive: Receive, send: Send) -> None:
    """Cut the connection; uvicorn stores it on the object that `send` is bound to."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the node cut this connection")
    transport.abort()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await gone(receive)


async def gone(receive: Receive) -> None:
    """Wait until the caller has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
