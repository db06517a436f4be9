"""Commands, attempts and a scripted PayPal for tests of the PayPal processor."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from cift_shared.clock import Clock, SystemClock
from cift_shared.errors import PaymentProcessorError
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import (
    OriginalPayment,
    RequestDeposit,
    RequestRefund,
    RequestWithdrawal,
)
from cift_shared.money.amount import Money
from cift_shared.security.return_token import ReturnTokens
from cift_shared.testing import FakeClock
from paypal_method.currencies import to_text
from paypal_worker.client import PayPalClient
from paypal_worker.processor import PayPalProcessor
from paypal_worker.settings import PayPalConfig
from paypal_worker.token_store import MemoryTokens
from tests.support.cards import attempt, learned
from tests.support.commands import CLOCK, IDS, VAULT

__all__ = ["attempt", "learned"]

ORDER, CAPTURE, REFUND = "5O190127TN364715T", "3C679366HH908993F", "1JU08902781691411"
PAGE = f"http://127.0.0.1:12111/checkoutnow?token={ORDER}"
RETURNS = ReturnTokens(b"c" * 32)


def config(**over: Any) -> PayPalConfig:
    """Settings as the local stack has them."""
    fields: dict[str, Any] = {
        "client_id": "client-id",
        "client_secret": "client-secret",
        "environment": "sandbox",
        "api_base": "http://127.0.0.1:12111",
        "return_base": "http://127.0.0.1:9",
    }
    return PayPalConfig(**{**fields, **over})


def payer() -> Instrument:
    """The instrument of a deposit: the payer chooses the account at PayPal."""
    return Instrument(
        kind="paypal",
        display="PayPal",
        sealed=VAULT.seal(b"", context="paypal"),
        public={"account": None},
    )


def deposit(
    minor: int = 20_00, currency: str = "USD", *, clock: FakeClock = CLOCK, **over: Any
) -> RequestDeposit:
    """A deposit by PayPal."""
    fields: dict[str, Any] = {
        "payment_id": IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "paypal",
        "amount": Money(minor, currency),
        "instrument": payer(),
        "accepted_at": clock.now(),
        **over,
    }
    return RequestDeposit(**fields)


def refund(
    capture: str | None = CAPTURE, *, minor: int = 20_00, of: int = 20_00, currency: str = "USD"
) -> RequestRefund:
    """A refund of a deposit by PayPal."""
    fields = deposit(minor, currency)
    return RequestRefund(
        **fields.model_dump(exclude={"kind", "return_url", "off_session", "description"}),
        original=OriginalPayment(
            payment_id=IDS.new_id(), amount=Money(of, currency), provider_reference=capture
        ),
    )


def recipient(account: str = "receives@example.com") -> Instrument:
    """The recipient of a withdrawal, as the gateway hands it on."""
    sealed = VAULT.seal(account.encode(), context="paypal")
    return Instrument(kind="paypal", display="r***@example.com", sealed=sealed)


def withdrawal(
    account: str = "receives@example.com",
    *,
    minor: int = 50_00,
    currency: str = "USD",
    clock: Clock | None = None,
) -> RequestWithdrawal:
    """A withdrawal to a PayPal account."""
    return RequestWithdrawal(
        payment_id=IDS.new_id(),
        merchant_id="m_test",
        livemode=False,
        customer_id="cus_1",
        method="paypal",
        amount=Money(minor, currency),
        instrument=recipient(account),
        accepted_at=(clock or SystemClock()).now(),
    )


def money(minor: int = 20_00, currency: str = "USD") -> dict[str, str]:
    """An amount in PayPal's shape."""
    return {"currency_code": currency, "value": to_text(Money(minor, currency))}


def capture_object(status: str | None = "COMPLETED", **over: Any) -> dict[str, Any]:
    """A capture in PayPal's shape."""
    parts = {"gross_amount": money(), "paypal_fee": money(119), "net_amount": money(18_81)}
    return {
        "id": CAPTURE,
        "status": status,
        "amount": money(),
        "seller_receivable_breakdown": parts,
        "supplementary_data": {"related_ids": {"order_id": ORDER}},
        "links": [],
        **over,
    }


def order(
    status: str = "PAYER_ACTION_REQUIRED",
    *,
    captures: list[dict[str, Any]] | None = None,
    refunds: list[dict[str, Any]] | None = None,
    **over: Any,
) -> dict[str, Any]:
    """An order in PayPal's shape."""
    payments = {"captures": captures or [], "refunds": refunds or []}
    unit: dict[str, Any] = {"reference_id": "default", "amount": money()}
    if captures or refunds:
        unit["payments"] = payments
    waits = status in ("CREATED", "PAYER_ACTION_REQUIRED")
    return {
        "id": ORDER,
        "status": status,
        "purchase_units": [unit],
        "links": [{"rel": "payer-action", "href": PAGE, "method": "GET"}] if waits else [],
        **over,
    }


def paid(status: str | None = "COMPLETED", **over: Any) -> dict[str, Any]:
    """A completed order with one capture."""
    return order("COMPLETED", captures=[capture_object(status, **over)])


def refund_object(status: str | None = "COMPLETED", **over: Any) -> dict[str, Any]:
    """A refund in PayPal's shape."""
    return {"id": REFUND, "status": status, "amount": money(), "links": [], **over}


def error(status: int = 422, *issues: str, links: list[Any] | None = None) -> httpx.Response:
    """A refusal in PayPal's shape."""
    body = {
        "name": "UNPROCESSABLE_ENTITY",
        "message": "words that repeat client-secret",
        "debug_id": "90957fca61718",
        "details": [{"issue": issue, "description": "words"} for issue in issues],
        "links": links or [],
    }
    return httpx.Response(status, json=body)


SENT_BACK = [{"rel": "redirect", "href": PAGE, "method": "GET"}]
TOKEN = "POST /v1/oauth2/token"
CREATE, READ = "POST /v2/checkout/orders", f"GET /v2/checkout/orders/{ORDER}"
TAKE, LOOK = f"POST /v2/checkout/orders/{ORDER}/capture", f"GET /v2/payments/captures/{CAPTURE}"
REFUND_MAKE = f"POST /v2/payments/captures/{CAPTURE}/refund"
REFUND_READ = f"GET /v2/payments/refunds/{REFUND}"


@dataclass
class Request:
    """What came to the scripted PayPal."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]

    @property
    def key(self) -> str | None:
        return self.headers.get("paypal-request-id")


@dataclass
class Script:
    """PayPal by script: answers of "METHOD path" in order, the last one for ever."""

    answers: dict[str, deque[Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on(TOKEN, {"access_token": "A21AAtoken", "expires_in": 32_400})

    def on(self, place: str, *answers: Any) -> "Script":
        """Answer requests to a place, such as "POST /v2/checkout/orders"."""
        self.answers[place] = deque(answers)
        return self

    def sent(self, place: str) -> list[Request]:
        """The requests that came to a place."""
        return [one for one in self.requests if f"{one.method} {one.path}" == place]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path, raw = request.url.path, request.content
        is_json = request.headers.get("content-type") == "application/json"
        body = json.loads(raw) if is_json and raw else raw
        self.requests.append(Request(request.method, path, body, request.headers))
        answers = self.answers[f"{request.method} {path}"]
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Callable):
            answer = answer(request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def processor(
    transport: httpx.AsyncBaseTransport | Script | None,
    clock: Any,
    *,
    mocks: Mapping[str, str] | None = None,
    **over: Any,
) -> PayPalProcessor:
    """A processor over a transport, a script, or the network."""
    settings = config(**over)
    inside = httpx.MockTransport(transport) if isinstance(transport, Script) else transport
    client = PayPalClient(
        settings, MemoryTokens(clock), clock, transport=inside, mock_responses=mocks
    )
    return PayPalProcessor(settings, client, vault=VAULT, returns=RETURNS, clock=clock)


async def failure_of(call: Any) -> PaymentProcessorError:
    """The error that a call ends with.

    Raises:
        AssertionError: it ended without one.
    """
    try:
        await call
    except PaymentProcessorError as error:
        return error
    raise AssertionError("the call raised nothing")
