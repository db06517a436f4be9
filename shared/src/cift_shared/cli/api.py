"""A client of the public HTTP API for commands: one key, problem documents as one line."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from cift_shared.cli.errors import WrongInput
from cift_shared.errors import ServerRefused, ServerUnreachable

KEY = "CIFT_API_KEY"
BASE = "CIFT_API_BASE"
BASE_DEFAULT = "http://127.0.0.1:8080"
_PREFIX = "/api/v1"
_TIMEOUT_S = 30.0
_RETRYABLE_STATUSES = {429, 500, 502, 503, 504}
"""Status codes after which the same request may work later."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    id: str
    data: dict[str, Any]


class Api:
    """The API of one gateway, called with one key."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a GET request and return the JSON object of the reply.

        Raises:
            ServerRefused: the API refuses.
            ServerUnreachable: it does not answer, or refuses only for now.
        """
        return await self._request("GET", path, params=params)

    async def post(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Send a POST request and return the JSON object of the reply; raises as `get`."""
        return await self._request("POST", path, json=body, headers=headers)

    async def events(self, path: str, after: str) -> AsyncIterator[Event]:
        """The events of one connection, after the one with the id `after` ("": from the first).

        Raises as `get`; the end of the stream does not mean that the payment has ended.
        """
        headers = {"Last-Event-ID": after} if after else {}
        try:
            async with self._http.stream("GET", path, headers=headers) as reply:
                if reply.is_error:
                    await reply.aread()
                    raise _refusal(reply)
                fields: dict[str, str] = {}
                async for line in reply.aiter_lines():
                    name, _, value = line.partition(":")
                    if line:
                        fields[name] = value.removeprefix(" ")
                    else:
                        if "data" in fields:
                            yield Event(fields["id"], json.loads(fields["data"]))
                        fields = {}
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    async def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            reply = await self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if not reply.is_success:
            raise _refusal(reply)
        try:
            answer = reply.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ServerRefused(f"{self._http.base_url} is not a CIFT gateway: correct {BASE}")
        return answer

    def _unreachable(self, error: httpx.TransportError) -> ServerUnreachable:
        base = str(self._http.base_url).removesuffix("/").removesuffix(_PREFIX)
        why = str(error) or type(error).__name__
        return ServerUnreachable(
            f"the API does not answer at {base} ({why}): is the gateway running, and is {BASE} "
            "right?"
        )


@asynccontextmanager
async def open_api() -> AsyncIterator[Api]:
    """The API at CIFT_API_BASE with the key CIFT_API_KEY.

    Raises:
        WrongInput: the key is not set or malformed, or the address is malformed.
    """
    key = os.environ.get(KEY)
    if not key:
        raise WrongInput(f"{KEY} is not set; make a key: cift api-key create --merchant … --name …")
    if not key.isascii() or not key.isprintable():
        raise WrongInput(f"{KEY} is not an API key")
    base = os.environ.get(BASE) or BASE_DEFAULT
    try:
        http = httpx.AsyncClient(
            base_url=base.rstrip("/").removesuffix(_PREFIX) + _PREFIX,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            timeout=_TIMEOUT_S,
        )
    except httpx.InvalidURL as error:
        raise WrongInput(f"{BASE}: {base!r} is no address like {BASE_DEFAULT}") from error
    if http.base_url.scheme not in {"http", "https"}:
        raise WrongInput(f"{BASE}: {base!r} is no address like {BASE_DEFAULT}")
    async with http:
        yield Api(http)


def _refusal(reply: httpx.Response) -> ServerRefused | ServerUnreachable:
    """The problem document (RFC 9457) of a reply in one line."""
    try:
        problem = reply.json()
        text = f"{problem['code']}: {problem.get('detail') or problem['title']}"
        places = [
            f"{item.get('pointer') or item.get('parameter') or ''} {item.get('detail', '')}".strip()
            for item in problem.get("errors") or []
        ]
        text = " ".join([text, *(f"[{place}]" for place in places)])
    except (ValueError, KeyError, TypeError, AttributeError):
        text = "the answer is not a problem document of this API"
    kind = ServerUnreachable if reply.status_code in _RETRYABLE_STATUSES else ServerRefused
    return kind(f"the API answered {reply.status_code}: {' '.join(text.split())}")
