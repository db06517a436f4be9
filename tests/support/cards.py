"""Commands, attempts and a scripted Stripe for tests of the card processor."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import httpx

from card_worker.client import StripeApi
from card_worker.customers import Customers, MemoryCustomers
from card_worker.processor import CardProcessor
from card_worker.settings import CardConfig
from cift_shared.attempts.processor import Answer, Attempt, MethodAttempt, Notice
from cift_shared.attempts.store import attempt_id_of
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import (
    MethodRequest,
    OriginalPayment,
    PaymentRequest,
    RequestDeposit,
    RequestDetach,
    RequestRefund,
    RequestSetup,
)
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from tests.support.commands import CLOCK, IDS, VAULT

SECRET_KEY = "sk_test_twin"
PUBLISHABLE_KEY = "pk_test_twin"
INTENT, CHARGE = "pi_3QabcdeF0000", "ch_3QabcdeF0000"
CLIENT_SECRET = INTENT + "_secret_abcdefgh"


@cache
def config(**over: Any) -> CardConfig:
    """Settings as the local stack has them; read once, for they can't be changed."""
    fields: dict[str, Any] = {
        "secret_key": SECRET_KEY,
        "publishable_key": PUBLISHABLE_KEY,
        "api_base": "http://127.0.0.1:12111",
        "max_network_retries": 0,
    }
    return CardConfig(**{**fields, **over})


def card(token: str = "pm_card_visa", *, owner: str | None = None) -> Instrument:
    """A card as the gateway hands it on: the provider's id, sealed."""
    return Instrument(
        kind="card",
        display="card",
        sealed=VAULT.seal(token.encode(), context="card"),
        customer_sealed=VAULT.seal(owner.encode(), context="card") if owner else None,
    )


def deposit(
    token: str = "pm_card_visa",
    *,
    minor: int = 20_00,
    currency: str = "USD",
    owner: str | None = None,
    clock: FakeClock = CLOCK,
    **over: Any,
) -> RequestDeposit:
    """A deposit by card."""
    return RequestDeposit(
        payment_id=IDS.new_id(),
        merchant_id="m_test",
        livemode=False,
        customer_id="cus_1",
        method="card",
        amount=Money(minor, currency),
        instrument=card(token, owner=owner),
        accepted_at=clock.now(),
        **over,
    )


def refund(
    intent_id: str | None = INTENT, *, minor: int = 20_00, of: int = 20_00, currency: str = "USD"
) -> RequestRefund:
    """A refund of a card deposit."""
    fields = deposit(minor=minor, currency=currency)
    return RequestRefund(
        **fields.model_dump(exclude={"kind", "return_url", "off_session", "description"}),
        original=OriginalPayment(
            payment_id=IDS.new_id(), amount=Money(of, currency), provider_reference=intent_id
        ),
    )


def setup(token: str | None = None, **over: Any) -> RequestSetup:
    """A wish to save a card, with a token or for the customer to enter."""
    return RequestSetup(
        payment_method_id=IDS.new_id(),
        merchant_id="m_test",
        livemode=False,
        customer_id="cus_1",
        method="card",
        accepted_at=CLOCK.now(),
        instrument=card(token) if token else None,
        **over,
    )


def detach(token: str) -> RequestDetach:
    """A wish to forget a card."""
    return RequestDetach(
        **setup().model_dump(exclude={"kind", "instrument", "return_url"}),
        detach_id=IDS.new_id(),
        instrument=card(token),
    )


def attempt(request: PaymentRequest, clock: FakeClock, **memory: str) -> Attempt:
    """A fresh attempt of a payment's request."""
    operation: Any = request.kind.removeprefix("request_")
    attempt_id = attempt_id_of(request.payment_id)
    return Attempt(attempt_id, operation, request, memory, created_at=clock.now())


def method_attempt(request: MethodRequest, clock: FakeClock, **memory: str) -> MethodAttempt:
    """A fresh attempt to save or forget a card."""
    operation: Any = request.kind.removeprefix("request_")
    subject = request.detach_id if isinstance(request, RequestDetach) else request.payment_method_id
    return MethodAttempt(attempt_id_of(subject), operation, request, memory, created_at=clock.now())


def learned(before: Any, answer: Answer, *, checked: bool = False, ended: bool = False) -> Any:
    """The attempt after an answer, as the engine keeps it."""
    memory = {**before.memory, **answer.memory}
    return replace(
        before, memory=memory, checks=before.checks + checked, ended=before.ended or ended
    )


def event(kind: str, thing: Mapping[str, Any], number: int = 1) -> dict[str, Any]:
    """A webhook's body."""
    return {
        "id": f"evt_{number}",
        "object": "event",
        "type": kind,
        "livemode": False,
        "created": 1_767_000_000,
        "pending_webhooks": 1,
        "data": {"object": dict(thing)},
    }


def notice(body: object, *, at: datetime | None = None) -> Notice:
    """A notice as the gateway hands it on."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Notice(f"n-{hash(raw)}", None, raw, True, at or datetime(2026, 1, 5, tzinfo=UTC))


def intent(status: str = "requires_confirmation", **over: Any) -> dict[str, Any]:
    """A payment intent in Stripe's shape."""
    return {
        "id": INTENT,
        "object": "payment_intent",
        "status": status,
        "amount": 20_00,
        "amount_received": 20_00 if status == "succeeded" else 0,
        "currency": "usd",
        "client_secret": CLIENT_SECRET,
        "created": 1_767_000_000,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "last_payment_error": None,
        "latest_charge": charge() if status == "succeeded" else None,
        **over,
    }


def charge(*, fee: int | None = 88, fee_currency: str = "usd", **over: Any) -> dict[str, Any]:
    """A charge in Stripe's shape, its balance transaction expanded."""
    movement = {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": 20_00,
        "fee": fee,
        "net": 20_00 - (fee or 0),
        "currency": fee_currency,
        "type": "charge",
    }
    details = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    return {
        "id": CHARGE,
        "object": "charge",
        "disputed": False,
        "payment_intent": INTENT,
        "payment_method_details": {"type": "card", "card": {**details, "fingerprint": "Xt5E"}},
        "balance_transaction": movement if fee is not None else None,
        "metadata": {},
        **over,
    }


def refund_object(status: str | None = "succeeded", **over: Any) -> dict[str, Any]:
    """A refund in Stripe's shape."""
    return {
        "id": "re_1",
        "object": "refund",
        "status": status,
        "amount": 20_00,
        "currency": "usd",
        "created": 1_767_000_000,
        "payment_intent": INTENT,
        "metadata": {},
        "balance_transaction": None,
        **over,
    }


def dispute_object(status: str = "needs_response", *moved: tuple[int, int]) -> dict[str, Any]:
    """A dispute in Stripe's shape; what moved for it as (amount, fee)."""
    return {
        "id": "du_1",
        "object": "dispute",
        "status": status,
        "reason": "fraudulent",
        "amount": 20_00,
        "currency": "usd",
        "charge": CHARGE,
        "payment_intent": INTENT,
        "balance_transactions": [
            {"id": f"txn_d{n}", "amount": amount, "fee": fee, "currency": "usd"}
            for n, (amount, fee) in enumerate(moved)
        ],
        "evidence_details": {"due_by": 1_768_000_000},
    }


def error(
    status: int, code: str | None = None, kind: str = "invalid_request_error", **over: Any
) -> httpx.Response:
    """An error of Stripe's."""
    told = {"type": kind, "message": "words with a pi_3_secret_x in them", "code": code, **over}
    return httpx.Response(status, json={"error": told}, headers={"request-id": "req_1"})


def page(*things: Mapping[str, Any], has_more: bool = False) -> dict[str, Any]:
    """A list of Stripe's."""
    return {"object": "list", "data": list(things), "has_more": has_more, "url": "/v1/x"}


@dataclass
class Request:
    """What came to the scripted Stripe."""

    method: str
    path: str
    form: dict[str, str]
    headers: Mapping[str, str]


@dataclass
class Script:
    """Stripe by script: answers of "METHOD path" in order, the last one for ever."""

    answers: dict[str, deque[Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def on(self, place: str, *answers: Any) -> "Script":
        """Answer requests to a place, such as "POST /v1/refunds"."""
        self.answers[place] = deque(answers)
        return self

    def sent(self, place: str) -> list[Request]:
        """The requests that came to a place."""
        return [one for one in self.requests if f"{one.method} {one.path}" == place]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        form = dict(parse_qsl(request.content.decode() or request.url.query.decode()))
        self.requests.append(Request(request.method, path, form, request.headers))
        answers = self.answers[f"{request.method} {path}"]
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Callable):
            answer = answer(request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


CREATE, CONFIRM = "POST /v1/payment_intents", f"POST /v1/payment_intents/{INTENT}/confirm"
READ, CANCEL = f"GET /v1/payment_intents/{INTENT}", f"POST /v1/payment_intents/{INTENT}/cancel"
LIST, REFUND = "GET /v1/payment_intents", "POST /v1/refunds"
REFUND_READ, REFUND_LIST = "GET /v1/refunds/re_1", "GET /v1/refunds"
DISPUTES = "GET /v1/disputes"


def processor(
    transport: httpx.AsyncBaseTransport | Script | None,
    clock: FakeClock,
    *,
    bare: bool = False,
    customers: Customers | None = None,
    **over: Any,
) -> CardProcessor:
    """A processor over a transport, a script, or the network."""
    settings = config(**over)
    inside = httpx.MockTransport(transport) if isinstance(transport, Script) else transport
    return CardProcessor(
        settings,
        StripeApi(settings, clock, transport=inside, bare=bare),
        customers=customers or MemoryCustomers(),
        vault=VAULT,
        clock=clock,
    )
