"""A PayPal twin whose every answer and event is held against the official descriptions."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from provider_sandbox.app import create_app
from tests.support.daraja_twin import settings
from tests.support.paypal_spec import Checker, Illegal

CLIENT_ID, CLIENT_SECRET = "client-id", "client-secret"
WEBHOOK_ID = "8PT597110X687430L"
HOOK = "http://127.0.0.1:9/webhooks/paypal"
RETURN, CANCEL = "http://127.0.0.1:9/back?a=1", "http://127.0.0.1:9/stop"
DAY_S = 86_400
_APART = ("/v1/oauth2/", "/v1/notifications/certs/", "/checkoutnow", "/agreements/", "/control/")


@dataclass
class Post:
    """An event as its receiver saw it."""

    raw: bytes
    headers: httpx.Headers
    body: dict[str, Any]


class _Checked(httpx.AsyncBaseTransport):
    """Passes requests to the twin and PayPal's answers through the checker."""

    def __init__(self, inner: httpx.AsyncBaseTransport, twin: "PayPalTwin") -> None:
        self._inner = inner
        self._twin = twin

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        path = request.url.path
        if not path.startswith(_APART):
            raw = await response.aread()
            if "json" in response.headers.get("content-type", "") or not raw:
                body = json.loads(raw) if raw else None
                check = self._twin.checker.answer
                self._twin.hold(check, request.method, path, response.status_code, body)
        return response


@dataclass
class PayPalTwin:
    """One twin and everything said to it."""

    checker: Checker = field(default_factory=Checker)
    posts: list[Post] = field(default_factory=list)
    refuse: list[int] = field(default_factory=list)
    """Statuses with which the receiver answers the next postings."""
    illegal: list[str] = field(default_factory=list)
    http: httpx.AsyncClient = field(init=False)
    token: str = ""
    _count: int = 0

    def hold(self, check: Callable[..., None], *words: Any) -> None:
        """Note what is illegal: an exception would be swallowed on its way."""
        try:
            check(*words)
        except Illegal as fault:
            self.illegal.append(str(fault))

    def receive(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.hold(self.checker.event, body)
        self.posts.append(Post(request.content, request.headers, body))
        return httpx.Response(self.refuse.pop(0) if self.refuse else 200)

    async def sign_in(self, client_id: str = CLIENT_ID, secret: str = CLIENT_SECRET) -> Any:
        form = {"grant_type": "client_credentials"}
        answer = await self.http.post("/v1/oauth2/token", data=form, auth=(client_id, secret))
        self.token = answer.json().get("access_token", self.token)
        return answer

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """A request; ``key`` is its PayPal-Request-Id, a new one if it is left out."""
        self._count += 1
        asked = {
            "Authorization": f"Bearer {self.token}",
            "PayPal-Request-Id": key or f"key-{self._count}",
            **headers,
        }
        if method == "POST":
            asked.setdefault("Content-Type", "application/json")
        content = None if body is None else json.dumps(body)
        return await self.http.request(method, path, content=content, headers=asked)

    async def order(self, value: str = "100.00", **more: Any) -> dict[str, Any]:
        """A new order."""
        answer = await self.call("POST", "/v2/checkout/orders", order_body(value, **more))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def approved(self, email: str = "pays@example.com", value: str = "100.00") -> str:
        """The id of a new order that its payer has approved."""
        name = (await self.order(value))["id"]
        await self.decide(name, "approve", email=email)
        return str(name)

    async def decide(self, order: str, outcome: str, **more: Any) -> Any:
        return await self.control("POST", f"/paypal/orders/{order}", {"outcome": outcome, **more})

    async def capture(self, order: str, **more: Any) -> httpx.Response:
        return await self.call("POST", f"/v2/checkout/orders/{order}/capture", {}, **more)

    async def paid(self, email: str = "pays@example.com", value: str = "100.00") -> dict[str, Any]:
        """The capture of a new paid order."""
        answer = await self.capture(await self.approved(email, value))
        assert answer.status_code == 201, answer.text
        return capture_of(answer.json())

    async def refund(self, capture: str, value: str | None = None, **more: Any) -> httpx.Response:
        body = {} if value is None else {"amount": {"currency_code": "USD", "value": value}}
        return await self.call("POST", f"/v2/payments/captures/{capture}/refund", body, **more)

    async def payout(self, receiver: str = "receives@example.com", **more: Any) -> httpx.Response:
        key = more.pop("key", None)
        body = payout_body(receiver, **{"sender_batch_id": f"batch-{self._count}", **more})
        return await self.call("POST", "/v1/payments/payouts", body, key=key)

    async def item(self, batch: httpx.Response) -> dict[str, Any]:
        """The only item of a batch."""
        assert batch.status_code == 201, batch.text
        name = batch.json()["batch_header"]["payout_batch_id"]
        shown = (await self.call("GET", f"/v1/payments/payouts/{name}")).json()
        return shown["items"][0]

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def scheduled(self) -> dict[str, int]:
        """How many events of each kind are still to come."""
        counts: dict[str, int] = (await self.control("GET", "/pending"))["agenda"]
        return counts

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"operation": operation, "kind": kind, **more})

    async def book(self) -> list[tuple[str, str]]:
        entries = (await self.control("GET", "/book"))["entries"]
        return [(entry["kind"], entry["amount"]) for entry in entries]

    async def balance(self, currency: str = "USD") -> str:
        return (await self.control("GET", "/paypal/balances"))[currency]

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
        return [post.body["event_type"] for post in self.posts]

    def last(self, kind: str) -> dict[str, Any]:
        """The resource in the last posted event of a type."""
        found = [post.body for post in self.posts if post.body["event_type"] == kind]
        assert found, f"no {kind} among {self.types()}"
        return found[-1]["resource"]


def order_body(value: str = "100.00", currency: str = "USD", **more: Any) -> dict[str, Any]:
    """An order that PayPal accepts; ``unit`` adds fields to its purchase unit."""
    unit = {"amount": {"currency_code": currency, "value": value}, **more.pop("unit", {})}
    context = {"return_url": RETURN, "cancel_url": CANCEL, "user_action": "PAY_NOW"}
    source = {"paypal": {"experience_context": context}}
    body = {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source, **more}
    return {name: value for name, value in body.items() if value is not None}


def payout_body(
    receiver: str, *, sender_batch_id: str, value: str = "50.00", **more: Any
) -> dict[str, Any]:
    """A batch with one item."""
    amount = {"currency": "USD", "value": value}
    item = {"recipient_type": "EMAIL", "receiver": receiver, "amount": amount, **more}
    return {"sender_batch_header": {"sender_batch_id": sender_batch_id}, "items": [item]}


def capture_of(order: dict[str, Any]) -> dict[str, Any]:
    """The only capture of an order."""
    return order["purchase_units"][0]["payments"]["captures"][0]


def issue(answer: httpx.Response) -> tuple[int, str]:
    """Status and issue of a refused request."""
    return answer.status_code, answer.json()["details"][0]["issue"]


def rels(body: dict[str, Any]) -> list[str]:
    """The relations of an answer's links."""
    return [link["rel"] for link in body["links"]]


@asynccontextmanager
async def open_twin(folder: Path, **over: Any) -> AsyncIterator[PayPalTwin]:
    """A twin in a folder; whatever it says that PayPal would not say fails the test.

    Raises:
        AssertionError: at the end, naming what was illegal.
    """
    twin = PayPalTwin()
    told = {
        "paypal_client_id": CLIENT_ID,
        "paypal_client_secret": CLIENT_SECRET,
        "paypal_webhook_url": HOOK,
        "paypal_webhook_id": WEBHOOK_ID,
        "paypal_public_url": "http://twin",
        "callback_lag_s": 0,
        **over,
    }
    gate = create_app(settings(folder, **told), transport=httpx.MockTransport(twin.receive))
    transport = _Checked(httpx.ASGITransport(gate), twin)
    async with (
        gate.inner.router.lifespan_context(gate.inner),
        httpx.AsyncClient(transport=transport, base_url="http://twin") as twin.http,
    ):
        await twin.sign_in()
        yield twin
        violations = (await twin.control("GET", "/paypal/violations"))["violations"]
    assert (twin.illegal, violations) == ([], []), (twin.illegal, violations)
