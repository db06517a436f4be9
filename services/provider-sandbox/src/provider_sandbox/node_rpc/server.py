"""JSON-RPC over HTTP for a node that can misbehave: the part that both chains share."""

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from provider_sandbox.node_rpc.behaviour import Behaviour, Mode
from provider_sandbox.node_rpc.json_text import read_json
from provider_sandbox.node_rpc.serving import cut, gone, read_body, respond, respond_half

Answer = tuple[int, bytes, dict[str, str]]
"""Status, body, headers."""
JSON = {"content-type": "application/json"}
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
_CUTTING = frozenset({Mode.HANG_BEFORE, Mode.HANG_AFTER, Mode.DROP_BEFORE, Mode.DROP_AFTER})


class RpcServer:
    """An ASGI app.

    Args:
        behaviour: how it misbehaves.
        refuse: looks at a request before its body is read; an answer ends it.
        answer: answers a body; its second argument is True while the node warms up.
        largest: most bytes of a body; for more the connection is cut.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        refuse: Callable[[Scope], Answer | None],
        answer: Callable[[bytes, bool], Answer],
        largest: int,
    ) -> None:
        self._behaviour = behaviour
        self._refuse = refuse
        self._make_answer = answer
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        refusal = self._refuse(scope)
        if refusal:
            await respond(send, *refusal)
            return
        body = await read_body(receive, self._largest)
        if body is None:
            await cut(receive, send)
            return
        await self._serve(body, receive, send)

    async def _serve(self, body: bytes, receive: Receive, send: Send) -> None:
        mode = self._behaviour.take(_methods(body))
        if self._behaviour.delay_s:
            await asyncio.sleep(self._behaviour.delay_s)
        answer = _instead(mode) or self._make_answer(body, mode is Mode.WARMING_UP)
        if mode in (Mode.HANG_BEFORE, Mode.HANG_AFTER):
            await _hang(self._behaviour, receive)
        if mode in _CUTTING:
            await cut(receive, send)
        elif mode is Mode.TRUNCATED:
            await respond_half(receive, send, *answer)
        else:
            await respond(send, *answer)


def _instead(mode: Mode) -> Answer | None:
    """The answer without any effect; None: the calls are made."""
    page = {"content-type": "text/html"}
    match mode:
        case Mode.HTML:
            return 502, _HTML, page
        case Mode.HTML_200:
            return 200, _HTML, page
        case Mode.BUSY:
            return 503, b"Work queue depth exceeded", {}
        case Mode.HANG_BEFORE | Mode.DROP_BEFORE:
            return 503, b"", {}
    return None


async def _hang(behaviour: Behaviour, receive: Receive) -> None:
    """Wait until the mode changes or the caller gives up."""
    waits = [asyncio.ensure_future(behaviour.hang()), asyncio.ensure_future(gone(receive))]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()


def _methods(body: bytes) -> set[str]:
    """The methods that a body calls, as far as it can be read."""
    try:
        content = read_json(body)
    except ValueError:
        return set()
    requests = content if isinstance(content, list) else [content]
    names = (one.get("method") for one in requests if isinstance(one, dict))
    return {name for name in names if isinstance(name, str)}
