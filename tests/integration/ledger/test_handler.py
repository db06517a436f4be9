"""A batch from the topic: what can be read is applied, the rest is handed back with a reason."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from prometheus_client import REGISTRY

from cift_shared.kafka import BatchSubscriber, Record
from cift_shared.messaging.messages import PaymentResult
from cift_shared.security.kafka import Brokers
from ledger.posting.consumer import ResultsHandler
from tests.integration.ledger.books import Books

pytestmark = pytest.mark.integration


def record(
    body: PaymentResult | bytes | None, offset: int = 0, headers: Mapping[str, str] | None = None
) -> Record:
    raw = body.model_dump_json().encode() if isinstance(body, PaymentResult) else body
    return Record("payments.results", 0, offset, "key", raw, headers or {})


@pytest.fixture
def wakes() -> list[bool]:
    return []


@pytest.fixture
def handler(books: Books, wakes: list[bool]) -> ResultsHandler:
    return ResultsHandler(books.store, wake_relay=lambda: wakes.append(True))


def changed(result: PaymentResult, **fields: Any) -> bytes:
    return json.dumps({**result.model_dump(mode="json"), **fields}).encode()


async def test_applies_the_good_and_refuses_the_rest(
    books: Books, handler: ResultsHandler, wakes: list[bool]
) -> None:
    paid = await books.deposit()
    told = paid.result("settled")
    records = [
        record(b"not json", 1),
        record(None, 2),
        record(changed(told, schema_version=2), 3),
        record(changed(told, kind="celebrated"), 4),
        record(changed(told, amount={"minor": 10_000, "currency": "KES"}), 5),
        record(told, 6),
        record(paid.result("settled", payment_id=uuid4(), seq=2), 7),
    ]
    refusals = await handler(records)
    assert [(refusal.record.offset, refusal.reason) for refusal in refusals] == [
        (1, "undecodable"),
        (2, "undecodable"),
        (3, "unknown_schema_version"),
        (4, "undecodable"),
        (5, "undecodable"),
        (7, "unknown_payment"),
    ]
    assert await books.status(paid) == "completed"
    assert wakes == [True]


async def test_the_same_records_again_change_nothing(books: Books, handler: ResultsHandler) -> None:
    paid = await books.deposit()
    await handler([record(paid.result("settled"))])
    version = (await books.payment(paid))["version"]
    assert await handler([record(paid.result("settled"))]) == []
    assert (await books.payment(paid))["version"] == version


async def test_newer_fields_are_ignored(books: Books, handler: ResultsHandler) -> None:
    paid = await books.deposit()
    assert await handler([record(changed(paid.result("settled"), mood="fine"))]) == []
    assert await books.status(paid) == "completed"


async def test_events_carry_the_trace_of_the_record(books: Books, handler: ResultsHandler) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    paid = await books.deposit()
    await handler([record(paid.result("settled"), headers={"traceparent": parent})])
    assert (await books.outbox())[0]["headers"]["traceparent"] == parent


async def test_counts_what_became_of_results(books: Books, handler: ResultsHandler) -> None:
    def conflicts() -> float:
        labels = {"method": "mpesa", "kind": "declined", "outcome": "conflict"}
        return REGISTRY.get_sample_value("cift_ledger_results_total", labels) or 0

    before = conflicts()
    paid = await books.settled_deposit()
    await handler([record(paid.result("declined", seq=10))])
    assert conflicts() == before + 1


async def test_books_that_contradict_themselves_stop_the_batch(
    books: Books, handler: ResultsHandler
) -> None:
    """The runtime halves the batch then; nothing of it may have been applied."""
    await books.settled_deposit(10_000, 0)
    good, bad = await books.deposit(), await books.withdrawal(10_000, 0)
    async with books.admin.acquire() as connection:
        await connection.execute("update ledger.balance set held = 0 where not house")
        with pytest.raises(asyncpg.CheckViolationError):
            await handler([record(good.result("settled")), record(bad.result("settled"))])
        assert await books.status(good) == "pending"
        assert await handler([record(good.result("settled"))]) == []
        await connection.execute("update ledger.balance set held = 10000 where not house")


async def test_one_poisoned_record_is_set_aside_and_all_others_count(
    books: Books, handler: ResultsHandler
) -> None:
    """The runtime halves a batch that fails until the record that causes it stands alone."""
    await books.settled_deposit(10_000, 0)
    bad = await books.withdrawal(10_000, 0)
    good = [await books.deposit() for _ in range(8)]
    told = [paid.result("settled") for paid in (*good[:4], bad, *good[4:])]
    records = [record(result, offset) for offset, result in enumerate(told)]
    runtime = BatchSubscriber(
        ["payments.results"],
        group="ledger",
        instance="ledger-0",
        brokers=Brokers("127.0.0.1:1"),
        handler=handler,
        store_rejected=_nobody,
    )
    async with books.admin.acquire() as connection:
        # the balance no longer covers what was promised: our own books contradict themselves
        await connection.execute("update ledger.balance set held = 0 where not house")
        refusals = await runtime._bisect(records)
        await connection.execute("update ledger.balance set held = 10000 where not house")
    assert [(refusal.record.offset, refusal.reason) for refusal in refusals] == [
        (4, "handler_failed")
    ]
    assert {await books.status(paid) for paid in good} == {"completed"}
    assert await books.status(bad) == "pending"


async def _nobody(_: object) -> None: ...
