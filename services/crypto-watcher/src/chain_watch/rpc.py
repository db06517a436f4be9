"""Calls to a node by JSON-RPC over HTTP.

A call that only reads has changed nothing if it fails; one that sends a transaction may have.
A node's address may contain credentials (a user and a password, a key in the path), so only the
node's number is logged and traced. Texts of nodes are compared with known ones, and never shown.
"""

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import httpx
from opentelemetry.trace import SpanKind

from cift_shared.errors import ProviderUnavailable
from cift_shared.http.transport import HttpTransport, whole_body
from cift_shared.observability.metrics import PROVIDER_REQUESTS
from cift_shared.observability.telemetry import span

BODY_BYTES_MAX = 32 * 1024 * 1024
"""Maximum size of an answer: the largest are blocks of 4 MB in hex, and ids of a full mempool."""
HEAD_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 8
TEXT_MAX = 300


class NodeFailed(ProviderUnavailable):
    """The node did not answer, or its answer can't be used."""

    def __init__(self, reason: str) -> None:
        super().__init__("node_unavailable", reason)


class NodeRefused(NodeFailed):
    """The node answered with an error.

    Attributes:
        number: the error's number, such as -5 for something that the node does not know.
        text: the node's words in lower case, to compare them with known ones; never shown.
    """

    def __init__(self, number: int, text: str = "") -> None:
        super().__init__(f"the node refused with error {number}")
        self.number = number
        self.text = text


class AddressRefused(ValueError):
    """The text is not the address of a node; the message does not repeat it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A node's address; its credentials are not shown."""

    name: str
    """`node-1` for the first one: the only part that is logged."""
    url: str = field(repr=False)
    """Without user and password."""
    auth: tuple[str, str] | None = field(default=None, repr=False)


def endpoints(text: str) -> list[Endpoint]:
    """The comma separated addresses of nodes.

    Raises:
        AddressRefused: one is not an http(s) address, or sends credentials unencrypted over a
            public network.
    """
    found = [part.strip() for part in text.split(",")]
    return [_endpoint(part, number) for number, part in enumerate(found, 1)]


def _endpoint(text: str, number: int) -> Endpoint:
    problem = AddressRefused(f"address {number}: must be https, or http in a private network")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise problem from None
    if not host or parts.scheme not in ("http", "https") or parts.fragment:
        raise problem
    if parts.scheme == "http" and not _is_private(host):
        raise problem
    place = f"[{host}]" if ":" in host else host
    query = f"?{parts.query}" if parts.query else ""
    url = f"{parts.scheme}://{place}{f':{port}' if port else ''}{parts.path or '/'}{query}"
    auth = None
    if parts.username is not None:
        auth = unquote(parts.username), unquote(parts.password or "")
    return Endpoint(f"node-{number}", url, auth)


def _is_private(host: str) -> bool:
    """True for an address of a private network, and for a name that only it can resolve."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".svc", ".cluster.local"))


def read_answer(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in an answer, its numbers as int and Decimal; None when there is none.

    It is for answers of megabytes of hex, and leaves out what `untrusted_json` checks
    of text: no text of a node is stored, only hashes and numbers that were validated.
    """
    try:
        found = json.loads(raw, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _transport() -> HttpTransport:
    return HttpTransport(CONNECTIONS_MAX, answer_bytes_max=HEAD_BYTES_MAX + BODY_BYTES_MAX)


class JsonRpc:
    """Calls one node."""

    def __init__(
        self,
        endpoint: Endpoint,
        provider: str,
        *,
        timeout_s: float,
        version: str = "1.0",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`provider` names the chain in metrics, `version` is JSON-RPC's; `transport` replaces the
        network in tests.
        """
        self.name = endpoint.name
        self._url = endpoint.url
        self._provider = provider
        self._version = version
        self._ids = count(1)
        self._http = httpx.AsyncClient(
            transport=transport or _transport(),
            auth=endpoint.auth,
            timeout=timeout_s,
            headers={"Accept-Encoding": "identity", "User-Agent": "cift-payments"},
            trust_env=False,
        )

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of a call; its numbers are int and Decimal.

        Raises:
            NodeRefused: the node answered with an error.
            NodeFailed: there is no answer, or none that can be read.
        """
        about = {"node": self.name}
        with span(f"{self._provider} {method}", kind=SpanKind.CLIENT, attributes=about):
            outcome = "failed"
            try:
                result = await self._call(method, params)
                outcome = "ok"
            except NodeRefused:
                outcome = "refused"
                raise
            finally:
                PROVIDER_REQUESTS.labels(self._provider, method, outcome).inc()
        return result

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _call(self, method: str, params: Sequence[Any]) -> Any:
        number = next(self._ids)
        body = {"jsonrpc": self._version, "id": number, "method": method, "params": list(params)}
        content = json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        try:
            async with self._http.stream(
                "POST", self._url, content=content, headers=headers
            ) as response:
                raw = await whole_body(response, bytes_max=BODY_BYTES_MAX)
        except httpx.HTTPError as error:
            raise NodeFailed(f"{self.name}: {type(error).__name__}") from None
        return self._result(read_answer(raw), number, response.status_code)

    def _result(self, answer: dict[str, Any] | None, number: int, status: int) -> Any:
        if answer is None or answer.get("id") != number:
            raise NodeFailed(f"{self.name}: HTTP {status} without an answer to the call")
        error = answer.get("error")
        if isinstance(error, dict) and type(error.get("code")) is int:
            raise NodeRefused(error["code"], str(error.get("message"))[:TEXT_MAX].lower())
        if error is not None or "result" not in answer:
            raise NodeFailed(f"{self.name}: HTTP {status} without a result")
        return answer["result"]
