"""A Stripe twin whose every answer and event is held against the official description.

Its client is the official library; the twin itself neither knows nor imports it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import stripe

from provider_sandbox.app import create_app
from tests.support.daraja_twin import settings
from tests.support.stripe_spec import Checker, Illegal

SECRET_KEY, PUBLISHABLE_KEY = "sk_test_twin", "pk_test_twin"
WEBHOOK_SECRET = "whsec_twin"
HOOK = "http://127.0.0.1:9/webhooks/stripe"
CARD_ONLY = {"payment_method_types": ["card"]}


def details(refused: Any) -> Any:
    """``error`` of what ``pytest.raises`` caught."""
    return refused.value.error


@dataclass
class Post:
    """An event as its receiver saw it."""

    raw: bytes
    signature: str
    body: dict[str, Any]


class _Checked(httpx.AsyncBaseTransport):
    """Passes requests to the twin and its ``/v1`` answers through the checker."""

    def __init__(self, inner: httpx.AsyncBaseTransport, twin: "StripeTwin") -> None:
        self._inner = inner
        self._twin = twin

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if request.url.path.startswith("/v1/"):
            raw = await response.aread()
            if "json" in response.headers.get("content-type", ""):
                self._twin.hold(self._twin.checker.answer, response.status_code, json.loads(raw))
        return response


class _Library(stripe.HTTPXClient):
    """The library's own HTTP client, on a transport instead of the network."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(timeout=10, verify_ssl_certs=False)
        self._client_async = httpx.AsyncClient(transport=transport)

    def _get_request_args_kwargs(self, *asked: Any) -> Any:
        """With the body where httpx wants it: the library still uses a deprecated argument."""
        args, more = super()._get_request_args_kwargs(*asked)
        body = more.pop("data")
        return args, {**more, "content": body or b""}


@asynccontextmanager
async def open_library(transport: httpx.AsyncBaseTransport) -> AsyncIterator[stripe.HTTPXClient]:
    """The official library's HTTP client, closed at the end."""
    library = _Library(transport)
    try:
        yield library
    finally:
        await library.close_async()


@dataclass
class StripeTwin:
    """One twin and everything said to it."""

    checker: Checker = field(default_factory=Checker)
    posts: list[Post] = field(default_factory=list)
    refuse: list[int] = field(default_factory=list)
    """Statuses with which the receiver answers the next postings."""
    illegal: list[str] = field(default_factory=list)
    transport: httpx.AsyncBaseTransport = field(init=False)
    http: httpx.AsyncClient = field(init=False)
    library: stripe.HTTPXClient = field(init=False)
    client: stripe.StripeClient = field(init=False)

    def hold(self, check: Callable[..., None], *words: Any) -> None:
        """Note what is illegal: an exception would be swallowed on its way."""
        try:
            check(*words)
        except Illegal as fault:
            self.illegal.append(str(fault))

    def receive(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.hold(self.checker.event, body)
        self.posts.append(Post(request.content, request.headers["stripe-signature"], body))
        return httpx.Response(self.refuse.pop(0) if self.refuse else 200)

    @property
    def v1(self) -> Any:
        """The services of the official client."""
        return self.client.v1

    async def pay(self, token: str = "pm_card_visa", **more: Any) -> Any:
        """A confirmed PaymentIntent over 20 dollars, by the official client."""
        key = more.pop("key", None)
        return await self.v1.payment_intents.create_async(
            {
                "amount": 2000,
                "currency": "usd",
                "confirm": True,
                "payment_method": token,
                **CARD_ONLY,
                **more,
            },
            {} if key is None else {"idempotency_key": key},
        )

    async def call(self, method: str, path: str, form: str = "", **headers: str) -> httpx.Response:
        """A request as it stands, without the library."""
        asked = {"Authorization": f"Bearer {SECRET_KEY}", **headers}
        if method == "GET":
            return await self.http.get(f"{path}?{form}", headers=asked)
        asked.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return await self.http.request(method, path, content=form, headers=asked)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"operation": operation, "kind": kind, **more})

    async def book(self) -> list[tuple[str, int]]:
        entries = (await self.control("GET", "/book"))["entries"]
        return [(entry["kind"], int(entry["amount"])) for entry in entries]

    async def advance(self, seconds: float) -> None:
        """Let provider time pass and everything that falls due happen."""
        await self.control("POST", "/clock", {"advance_s": seconds})
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5000):
            await asyncio.sleep(0.002)
            pending = (await self.http.get("/control/pending")).json()
            if not pending["overdue"] and not pending["callbacks"].get("sending"):
                return
        raise AssertionError("the twin does not come to rest")

    def types(self) -> list[str]:
        """Types of the events that were posted, in order."""
        return [post.body["type"] for post in self.posts]

    def last(self, kind: str) -> dict[str, Any]:
        """The object in the last posted event of a type."""
        found = [post.body for post in self.posts if post.body["type"] == kind]
        assert found, f"no {kind} among {self.types()}"
        about: dict[str, Any] = found[-1]["data"]["object"]
        return about


@asynccontextmanager
async def open_twin(folder: Path, **over: Any) -> AsyncIterator[StripeTwin]:
    """A twin in a folder; whatever it says that Stripe would not say fails the test.

    Raises:
        AssertionError: at the end, naming what was illegal.
    """
    twin = StripeTwin()
    told = {
        "stripe_secret_key": SECRET_KEY,
        "stripe_publishable_key": PUBLISHABLE_KEY,
        "stripe_webhook_url": HOOK,
        "stripe_webhook_secret": WEBHOOK_SECRET,
        "callback_lag_s": 0,
        **over,
    }
    gate = create_app(settings(folder, **told), transport=httpx.MockTransport(twin.receive))
    twin.transport = _Checked(httpx.ASGITransport(gate), twin)
    async with (
        open_library(twin.transport) as twin.library,
        gate.inner.router.lifespan_context(gate.inner),
        httpx.AsyncClient(transport=twin.transport, base_url="http://twin") as twin.http,
    ):
        twin.client = stripe.StripeClient(
            SECRET_KEY,
            base_addresses={"api": "http://twin"},
            http_client=twin.library,
            max_network_retries=0,
            stripe_version="2026-08-26.dahlia",
        )
        yield twin
        violations = (await twin.control("GET", "/stripe/violations"))["violations"]
    assert (twin.illegal, violations) == ([], [])
