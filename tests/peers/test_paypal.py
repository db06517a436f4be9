"""Prism as a witness: by PayPal's own descriptions it accepts every request of our worker.

It must also refuse a request that is wrong. With the descriptions as they are published it accepts
everything, because some of their patterns can't be compiled (`prism_tool/usable.mjs`).
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_shared.messaging.outcomes import ActionRequired, Settled, Submitted
from cift_shared.testing import FakeClock
from tests.peers import prism
from tests.support import paypal
from tests.support.paypal_twin import CLIENT_ID, CLIENT_SECRET, PayPalWorld, open_twin

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

DESCRIPTIONS = {
    "/v2/checkout/": "paypal_checkout_orders_v2",
    "/v2/payments/": "paypal_payments_payment_v2",
}
"""The description that judges a request, by the beginning of its path."""
ABOUT_REQUEST = '"location":["request"'
"""What Prism writes of a fault of the request; it finds faults in its own example answers, too."""
JUDGED_WITHIN_S = 60.0
"""Prism compiles a description at its first request, which takes seconds."""
JUDGED = {
    "POST /v2/checkout/orders", "GET /v2/checkout/orders/", "POST /v2/checkout/orders//capture",
    "GET /v2/payments/captures/", "POST /v2/payments/captures//refund",
    "GET /v2/payments/refunds/",
}  # fmt: skip
"""Every request that the worker sends, ids left out."""


ID = re.compile(r"[0-9A-Z]{15,}")


@pytest.fixture(scope="session")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    folder = tmp_path_factory.mktemp("prism")
    orders, payments = DESCRIPTIONS.items()
    with (
        prism.running(folder, orders[1]) as first,
        prism.running(folder, payments[1]) as second,
    ):
        yield {orders[0]: first, payments[0]: second}


@dataclass
class Witness(httpx.AsyncBaseTransport):
    """The worker's way into the twin; Prism judges a copy of each request."""

    inside: httpx.AsyncBaseTransport
    addresses: Mapping[str, str]
    refused: list[str] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for begins, address in self.addresses.items():
            if request.url.path.startswith(begins):
                await self._judge(request, address)
        return await self.inside.handle_async_request(request)

    async def _judge(self, request: httpx.Request, address: str) -> None:
        said = await judged(
            address,
            request.method,
            request.url.raw_path.decode(),
            content=await request.aread(),
            headers={name: value for name, value in request.headers.items() if name != "host"},
        )
        self.judged.add(f"{request.method} {ID.sub('', request.url.path)}")
        if said is not None:
            self.refused.append(f"{request.method} {request.url.path}: {said}")


async def judged(address: str, method: str, path: str, **sent: Any) -> str | None:
    """What Prism finds wrong with a request; None: nothing."""
    async with httpx.AsyncClient(base_url=address, timeout=JUDGED_WITHIN_S) as http:
        answer = await http.request(method, path, **sent)
    violations = answer.headers.get("sl-violations", "")
    if answer.status_code < 400 and ABOUT_REQUEST not in violations:
        return None
    return f"{answer.status_code} {violations or answer.text}"[:2000]


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[PayPalWorld]:
    async with open_twin(tmp_path) as world:
        yield world


async def test_every_request_of_the_worker_is_legal(
    witnesses: Mapping[str, str], twin: PayPalWorld
) -> None:
    clock = FakeClock()
    witness = Witness(twin.http._transport, witnesses)
    processor = paypal.processor(
        witness,
        clock,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        brand_name="CIFT",
        read_timeout_s=60,
    )
    settled: list[Any] = []
    for currency, minor, email in (
        ("USD", 20_00, "pays@example.com"),
        ("JPY", 2_000, "refund-pending@example.com"),
        ("HUF", 2500_00, "unilateral@example.com"),
    ):
        await twin.control("PUT", f"/paypal/balances/{currency}", {"amount": "9000.00"})
        request = paypal.deposit(minor, currency, clock=clock, description="Order 7")
        attempt = paypal.attempt(request, clock)
        answer = await processor.process_deposit(attempt)
        assert isinstance(answer.outcome, ActionRequired)
        attempt = paypal.learned(attempt, answer)
        await twin.decide(attempt.memory["order"], "approve", email=email)
        while not isinstance(answer.outcome, Settled):
            answer = await processor.get_transaction_status(attempt)
            attempt = paypal.learned(attempt, answer, checked=True)
            if isinstance(answer.outcome, Submitted) and answer.outcome.provider_reference:
                name = answer.outcome.provider_reference
                await twin.control("POST", f"/paypal/captures/{name}", {"status": "COMPLETED"})
        settled.append(answer.outcome)
    for outcome in settled:
        request = paypal.refund(
            outcome.provider_reference,
            minor=outcome.amount.minor // 2,
            of=outcome.amount.minor,
            currency=outcome.amount.currency,
        )
        attempt = paypal.attempt(request, clock)
        answer = await processor.process_refund(attempt)
        for memory in (answer.memory, {}):  # read it, and look for it as after a lost answer
            now = replace(attempt, memory=memory)
            await processor.get_transaction_status(now)
    await processor.close()
    assert witness.refused == []
    assert witness.judged == JUDGED


GOOD = {
    "intent": "CAPTURE",
    "purchase_units": [{"amount": {"currency_code": "USD", "value": "20.00"}}],
}
REFUND_PATH = "/v2/payments/captures/3C679366HH908993F/refund"
HEADERS = {"Authorization": "Bearer x", "PayPal-Request-Id": "1"}


@pytest.mark.parametrize(
    "body",
    [
        {"purchase_units": GOOD["purchase_units"]},
        {**GOOD, "intent": "CAPTURED"},
        {**GOOD, "purchase_units": []},
        {**GOOD, "purchase_units": [{"amount": {"currency_code": "USD", "value": 20}}]},
        {**GOOD, "purchase_units": [{"amount": {"currency_code": "US", "value": "20.00"}}]},
    ],
    ids=["no intent", "another intent", "no unit", "a number", "no currency"],
)
async def test_the_witness_refuses_a_wrong_order(witnesses, body: Mapping[str, Any]) -> None:
    address = witnesses["/v2/checkout/"]
    assert await judged(address, "POST", "/v2/checkout/orders", json=GOOD, headers=HEADERS) is None
    said = await judged(address, "POST", "/v2/checkout/orders", json=body, headers=HEADERS)
    assert said is not None


async def test_the_witness_refuses_a_wrong_refund(witnesses) -> None:
    address = witnesses["/v2/payments/"]
    good = {"amount": {"currency_code": "USD", "value": "20.00"}}
    assert await judged(address, "POST", REFUND_PATH, json=good, headers=HEADERS) is None
    bad = {"amount": {"currency_code": "USD", "value": 20}}
    assert await judged(address, "POST", REFUND_PATH, json=bad, headers=HEADERS) is not None
