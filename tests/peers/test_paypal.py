"""Prism as a witness: by PayPal's own descriptions it accepts every request of our worker.

It must also refuse a request that is wrong. With the descriptions as they are published it accepts
everything, because some of their patterns can't be compiled (`prism_tool/usable.mjs`).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_shared.messaging.outcomes import Canceled, Settled, Submitted
from cift_shared.money.amount import Money
from paypal_worker.processor import PayPalProcessor
from tests.peers import prism
from tests.support import paypal
from tests.support.commands import CLOCK
from tests.support.paypal import withdrawal
from tests.support.paypal_twin import CLIENT_ID, CLIENT_SECRET, PayPalTwin, open_twin

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

DESCRIPTIONS = {
    "/v2/checkout/": "paypal_checkout_orders_v2",
    "/v2/payments/": "paypal_payments_payment_v2",
    "/v1/payments/": "paypal_payments_payouts_batch_v1",
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
    "POST /v1/payments/payouts", "GET /v1/payments/payouts/", "GET /v1/payments/payouts-item/",
    "POST /v1/payments/payouts-item//cancel",
}  # fmt: skip
"""Every request that the worker sends, ids left out."""


ID = re.compile(r"[0-9A-Z]{13,}")


@pytest.fixture(scope="session")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    folder = tmp_path_factory.mktemp("prism")
    with ExitStack() as processes:
        yield {
            begins: processes.enter_context(prism.running(folder, description))
            for begins, description in DESCRIPTIONS.items()
        }


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
async def twin(tmp_path: Path) -> AsyncIterator[PayPalTwin]:
    async with open_twin(tmp_path) as world:
        yield world


async def paid(processor: PayPalProcessor, twin: PayPalTwin, amount: Money, email: str) -> Settled:
    """A deposit that its payer approves; a pending capture completes."""
    request = paypal.deposit(amount.minor, amount.currency, description="Order 7")
    attempt = paypal.attempt(request, CLOCK)
    attempt = paypal.learned(attempt, await processor.process_deposit(attempt))
    await twin.decide(attempt.memory["order"], "approve", email=email)
    while True:
        answer = await processor.get_transaction_status(attempt)
        attempt, outcome = paypal.learned(attempt, answer, checked=True), answer.outcome
        if isinstance(outcome, Settled):
            return outcome
        if isinstance(outcome, Submitted) and outcome.provider_reference:
            path = f"/paypal/captures/{outcome.provider_reference}"
            await twin.control("POST", path, {"status": "COMPLETED"})


async def pay_out(
    processor: PayPalProcessor, twin: PayPalTwin, amount: Money, accounts: Sequence[str]
) -> None:
    """Payouts in one batch that nobody claims, and that are canceled."""
    requests = [withdrawal(name, minor=amount.minor, currency=amount.currency) for name in accounts]
    attempts = [paypal.attempt(request, CLOCK) for request in requests]
    answers = await asyncio.gather(*map(processor.process_withdrawal, attempts))
    await twin.advance(6)
    for attempt, answer in zip(attempts, answers, strict=True):
        sent = paypal.learned(attempt, answer)
        await processor.get_transaction_status(sent)
        assert isinstance((await processor.process_cancel(sent)).outcome, Canceled)
    for item in await twin.control("GET", "/paypal/objects/item"):
        await processor._context.api.read_payout_item(item)


async def test_every_request_of_the_worker_is_legal(
    witnesses: Mapping[str, str], twin: PayPalTwin
) -> None:
    clock = CLOCK
    witness = Witness(twin.http._transport, witnesses)
    processor = paypal.processor(
        witness,
        clock,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        brand_name="CIFT",
        payout_batch_max=10,
        read_timeout_s=60,
    )
    for currency, minor, email in (
        ("USD", 20_00, "pays@example.com"),
        ("JPY", 2_000, "refund-pending@example.com"),
        ("HUF", 2500_00, "unilateral@example.com"),
    ):
        await twin.control("PUT", f"/paypal/balances/{currency}", {"amount": "9000.00"})
        settled = await paid(processor, twin, Money(minor, currency), email)
        refund = paypal.refund(
            settled.provider_reference, minor=minor // 2, of=minor, currency=currency
        )
        attempt = paypal.attempt(refund, clock)
        answer = await processor.process_refund(attempt)
        await processor.get_transaction_status(replace(attempt, memory=answer.memory))
        await processor.get_transaction_status(attempt)  # as after a lost answer
        for accounts in (
            ["unclaimed@example.com"],
            ["unclaimed+1@example.com", "unclaimed+2@example.com"],
        ):
            await pay_out(processor, twin, Money(minor, currency), accounts)
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


ITEM = {"receiver": "a@example.com", "amount": {"currency": "USD", "value": "20.00"}}
BATCH = {"sender_batch_header": {"sender_batch_id": "b"}, "items": [ITEM]}


@pytest.mark.parametrize(
    "body",
    [
        {"sender_batch_header": BATCH["sender_batch_header"]},
        {"items": [ITEM]},
        {**BATCH, "items": [{**ITEM, "amount": {"currency": "USD", "value": 20}}]},
        {**BATCH, "items": [ITEM, {"amount": ITEM["amount"]}]},
        {**BATCH, "items": [{**ITEM, "receiver": "a" * 128}]},
    ],
    ids=["no items", "no header", "a number", "no receiver", "a receiver too long"],
)
async def test_the_witness_refuses_a_wrong_payout(witnesses, body: Mapping[str, Any]) -> None:
    address, path = witnesses["/v1/payments/"], "/v1/payments/payouts"
    assert await judged(address, "POST", path, json=BATCH, headers=HEADERS) is None
    assert await judged(address, "POST", path, json=body, headers=HEADERS) is not None


async def test_the_witness_refuses_a_wrong_refund(witnesses) -> None:
    address = witnesses["/v2/payments/"]
    good = {"amount": {"currency_code": "USD", "value": "20.00"}}
    assert await judged(address, "POST", REFUND_PATH, json=good, headers=HEADERS) is None
    bad = {"amount": {"currency_code": "USD", "value": 20}}
    assert await judged(address, "POST", REFUND_PATH, json=bad, headers=HEADERS) is not None
