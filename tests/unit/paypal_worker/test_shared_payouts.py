"""Several payouts in one batch: what each answer of PayPal proves, and what follows."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import OutcomeUnknown, PaymentProcessorError, ProviderThrottled
from cift_shared.messaging.outcomes import Conflicting, Declined, Pending, Submitted
from cift_shared.testing import FakeClock
from paypal_worker.processor import PayPalProcessor
from tests.support import paypal
from tests.support.commands import CLOCK
from tests.support.paypal import Script

CREATE, READ = "POST /v1/payments/payouts", "GET /v1/payments/payouts/BATCH"
LOST = httpx.ReadError("lost")
Told = Answer | PaymentProcessorError


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(CLOCK.now())


def made(request: httpx.Request) -> httpx.Response:
    """PayPal's answer to a new batch."""
    head = json.loads(request.content)["sender_batch_header"]
    body = {"payout_batch_id": "BATCH", "batch_status": "PENDING", "sender_batch_header": head}
    return httpx.Response(201, json={"batch_header": body})


def refused(name: str, status: int = 422, **detail: str) -> httpx.Response:
    body = {
        "name": name,
        "message": "words",
        "details": [{"issue": name, **detail}] if detail else [],
    }
    return httpx.Response(status, json=body)


def duplicate() -> httpx.Response:
    link = {"rel": "self", "href": "https://api-m.paypal.com/v1/payments/payouts/BATCH"}
    detail = {"field": "SENDER_BATCH_ID", "issue": "exists"}
    return httpx.Response(
        400,
        json={"name": "USER_BUSINESS_ERROR", "message": "", "details": [detail], "links": [link]},
    )


ITEM_REFUSED = refused("VALIDATION_ERROR", 400, field="items[0].receiver")
NO_FUNDS = refused("INSUFFICIENT_FUNDS")
LOCKED = refused("SENDER_ACCOUNT_LOCKED", 403)
BUSY = refused("RESOURCE_CONFLICT", 409)


def attempts(count: int = 3) -> list[Attempt]:
    return [paypal.attempt(paypal.withdrawal(minor=50_00 + n), CLOCK) for n in range(count)]


async def told(call: Any) -> Told:
    try:
        return await call
    except PaymentProcessorError as error:
        return error


async def send(processor: PayPalProcessor, given: Sequence[Attempt]) -> list[Told]:
    return await asyncio.gather(*(told(processor.process_withdrawal(one)) for one in given))


async def check(processor: PayPalProcessor, given: Sequence[Attempt]) -> list[Told]:
    return await asyncio.gather(*(told(processor.get_transaction_status(one)) for one in given))


def keys(script: Script) -> list[str]:
    """Our batch id in each request."""
    return [sent.body["sender_batch_header"]["sender_batch_id"] for sent in script.sent(CREATE)]


def sizes(script: Script) -> list[int]:
    return [len(sent.body["items"]) for sent in script.sent(CREATE)]


def opened(script: Script, clock: FakeClock) -> PayPalProcessor:
    return paypal.processor(script, clock, payout_batch_max=10)


async def test_one_request_for_all_that_wait(clock: FakeClock) -> None:
    script, given = Script().on(CREATE, made), attempts()
    answers = await send(opened(script, clock), given)
    assert sizes(script) == [3]
    [key] = keys(script)
    assert {one.attempt_id for one in given} != {key}
    for answer in answers:
        assert isinstance(answer, Answer)
        assert isinstance(answer.outcome, Submitted)
        assert answer.memory == {"batch": "BATCH", "shared": key}
        assert answer.fingerprint is None  # several attempts have the batch
    items = script.sent(CREATE)[0].body["items"]
    assert [item["sender_item_id"] for item in items] == sorted(
        str(one.attempt_id) for one in given
    )


async def test_those_that_come_meanwhile_share_the_next_one(clock: FakeClock) -> None:
    script, given = Script().on(CREATE, made), attempts(5)
    processor = paypal.processor(script, clock, payout_batch_max=3)
    await send(processor, given)
    assert sizes(script) == [3, 2]


@pytest.mark.parametrize("refusal", [ITEM_REFUSED, NO_FUNDS], ids=["an item", "the sum"])
async def test_a_refusal_of_the_only_request_sends_each_alone(
    clock: FakeClock, refusal: httpx.Response
) -> None:
    script, given = Script().on(CREATE, refusal, made), attempts()
    processor = opened(script, clock)
    for error in await send(processor, given):
        assert isinstance(error, ProviderThrottled)
        assert error.code == "payout_batch_refused"
    answers = await send(processor, given)
    assert sizes(script) == [3, 1, 1, 1]
    assert set(keys(script)[1:]) == {str(one.attempt_id) for one in given}
    assert all(isinstance(one, Answer) and "shared" not in one.memory for one in answers)


async def test_a_refusal_of_our_account_pauses_and_lets_them_travel_together(
    clock: FakeClock,
) -> None:
    script, given = Script().on(CREATE, LOCKED, made), attempts()
    processor = opened(script, clock)
    for error in await send(processor, given):
        assert isinstance(error, ProviderThrottled)
        assert error.code == "payouts_paused"
    assert [type(one) for one in await send(processor, given)] == [ProviderThrottled] * 3
    clock.advance(timedelta(seconds=301))
    await send(processor, given)
    assert sizes(script) == [3, 3]
    assert keys(script)[0] != keys(script)[1]


@pytest.mark.parametrize(
    "nothing", [httpx.ConnectError("no"), httpx.Response(429)], ids=["not sent", "throttled"]
)
async def test_what_did_not_arrive_may_travel_together_again(
    clock: FakeClock, nothing: Any
) -> None:
    script, given = Script().on(CREATE, nothing, made), attempts()
    processor = opened(script, clock)
    first = await send(processor, given)
    assert not any(isinstance(one, Answer | OutcomeUnknown) for one in first)
    await send(processor, given)
    assert sizes(script) == [3, 3]
    assert keys(script)[0] != keys(script)[1]


@pytest.mark.parametrize("unclear", [LOST, httpx.Response(502), BUSY], ids=["lost", "502", "409"])
async def test_after_an_unknown_outcome_the_same_request_is_sent_again(
    clock: FakeClock, unclear: Any
) -> None:
    script, given = Script().on(CREATE, unclear, made), attempts()
    processor = opened(script, clock)
    assert [type(one) for one in await send(processor, given)] == [OutcomeUnknown] * 3
    answers = await check(processor, given)
    first, second = script.sent(CREATE)
    assert (first.body, first.key) == (second.body, second.key)
    assert all(isinstance(one, Answer) and one.memory["batch"] == "BATCH" for one in answers)


@pytest.mark.parametrize(
    "refusal", [ITEM_REFUSED, NO_FUNDS, LOCKED], ids=["item", "sum", "account"]
)
async def test_a_refusal_of_a_repeat_proves_nothing(
    clock: FakeClock, refusal: httpx.Response
) -> None:
    script, given = Script().on(CREATE, LOST, refusal, made), attempts()
    processor = opened(script, clock)
    await send(processor, given)
    assert [type(one) for one in await check(processor, given)] == [OutcomeUnknown] * 3
    clock.advance(timedelta(seconds=301))
    await check(processor, given)
    assert sizes(script) == [3, 3, 3]
    assert len(set(keys(script))) == 1


@pytest.mark.parametrize(
    ("items", "outcome"), [("ours", Submitted), ("none", Submitted), ("a stranger's", Conflicting)]
)
async def test_a_duplicate_is_adopted_if_it_is_ours(
    clock: FakeClock, items: str, outcome: type
) -> None:
    script, given = Script().on(CREATE, LOST, duplicate()), attempts()
    processor = opened(script, clock)
    await send(processor, given)
    sent = script.sent(CREATE)[0].body
    names = {"ours": [one["sender_item_id"] for one in sent["items"]], "none": []}.get(items, ["x"])
    script.on(READ, batch(sent["sender_batch_header"], names))
    answers = await check(processor, given)
    assert [type(one.outcome) for one in answers if isinstance(one, Answer)] == [outcome] * 3


async def test_a_batch_is_not_sent_when_its_oldest_payout_is_too_old(clock: FakeClock) -> None:
    script, given = Script().on(CREATE, LOST, made), attempts()
    old = [replace(given[0], created_at=clock.now() - timedelta(days=19, hours=23)), *given[1:]]
    processor = opened(script, clock)
    await send(processor, old)
    clock.advance(timedelta(hours=2))
    for answer in await check(processor, given[1:]):
        assert isinstance(answer, Answer)
        assert isinstance(answer.outcome, Conflicting)
    assert sizes(script) == [3]


async def test_a_payout_that_cant_be_sent_does_not_join(clock: FakeClock) -> None:
    script, given = Script().on(CREATE, made), attempts()
    sealed = given[0].request.instrument.model_copy(update={"sealed": "k1:AAAA"})
    broken = replace(given[0], request=given[0].request.model_copy(update={"instrument": sealed}))
    first, *others = await send(opened(script, clock), [broken, *given[1:]])
    assert isinstance(first, Answer)
    assert isinstance(first.outcome, Declined)
    assert all(isinstance(one, Answer) and isinstance(one.outcome, Submitted) for one in others)
    assert sizes(script) == [2]


async def test_a_denied_batch_ends_the_place_of_each(clock: FakeClock) -> None:
    script, given = Script().on(CREATE, made), attempts(2)
    processor = opened(script, clock)
    sent = [
        paypal.learned(one, answer)
        for one, answer in zip(given, await send(processor, given), strict=True)
        if isinstance(answer, Answer)
    ]
    head = script.sent(CREATE)[0].body["sender_batch_header"]
    script.on(READ, batch(head, [], status="DENIED"))
    denied = [
        paypal.learned(one, answer)
        for one, answer in zip(sent, await check(processor, sent), strict=True)
        if isinstance(answer, Answer) and isinstance(answer.outcome, Pending)
    ]
    assert [one.memory["shared"] for one in denied] == ["", ""]
    clock.advance(timedelta(seconds=121))
    await check(processor, denied)
    assert set(keys(script)[1:]) == {f"{one.attempt_id}.1" for one in given}


def batch(head: Any, names: Sequence[str], status: str = "PENDING") -> dict[str, Any]:
    """A batch as PayPal shows it."""
    amount = {"currency": "USD", "value": "50.00"}
    items = [
        {
            "payout_item_id": f"ITEM{number}",
            "transaction_status": "PENDING",
            "payout_item": {"amount": amount, "sender_item_id": name},
        }
        for number, name in enumerate(names)
    ]
    header = {"payout_batch_id": "BATCH", "batch_status": status, "sender_batch_header": head}
    return {"batch_header": header, "items": items}
