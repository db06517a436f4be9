"""An event stream of the gateway as a client reads it."""

import asyncio
import json
from typing import Any

from fastapi import FastAPI


class LiveStream:
    """One open event stream, read while the application is still sending it."""

    def __init__(self, app: FastAPI, path: str, headers: dict[str, str]) -> None:
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._text = ""
        self._asked = False
        self.status = 0
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("203.0.113.9", 4711),
            "server": ("gateway.test", 80),
        }
        self._task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._received.put_nowait(message.get("body", b""))
            if not message.get("more_body"):
                self._received.put_nowait(None)

    async def next_event(self) -> dict[str, Any] | None:
        """The next event with its id, None at the end of the stream."""
        async with asyncio.timeout(10):
            while True:
                block, found, rest = self._text.partition("\n\n")
                if found:
                    self._text = rest
                    fields = dict(line.split(": ", 1) for line in block.splitlines())
                    if "data" in fields:
                        return {"id": int(fields["id"]), **json.loads(fields["data"])}
                    continue
                chunk = await self._received.get()
                if chunk is None:
                    return None
                self._text += chunk.decode()

    async def hang_up(self) -> None:
        """Disconnect, as a client does."""
        self._gone.set()
        await self._task
