"""Rails of one method have accounts, receipts and workers of their own."""

import json
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from cift_shared.attempts.received import received_result
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.received import ReceivedMoney
from cift_shared.money.amount import Money
from cift_shared.rails.registry import example_rail
from tests.integration.ledger.books import MERCHANT, NOON, Books, Paid

pytestmark = pytest.mark.integration

EAST, WEST = "mpesa_east", "mpesa_west"


async def settled(books: Books, rail: str | None, reference: str) -> tuple[Paid, list[str]]:
    paid = await books.deposit(rail=rail)
    return paid, await books.apply(paid.result("settled", provider_reference=reference))


async def test_the_accounts_are_named_after_the_rail(books: Books) -> None:
    paid, outcome = await settled(books, EAST, "R1")
    assert outcome == ["applied"]
    assert await books.journal(paid) == {
        "settlement": {
            "provider:mpesa_east:KES": 10_000,
            "customer:c1:KES": -9_750,
            "fees:mpesa_east:KES": -250,
        }
    }
    assert await books.broken() == set()


async def test_a_receipt_is_unique_within_its_rail(books: Books) -> None:
    for rail in EAST, WEST:
        paid, outcome = await settled(books, rail, "R1")
        assert (outcome, await books.status(paid)) == (["applied"], "completed")
    again, outcome = await settled(books, WEST, "R1")
    assert (outcome, await books.status(again)) == (["conflict"], "in_review")
    assert (await books.history(again))[-1]["reason"] == "provider_reference_reused"
    assert await books.broken() == set()


async def test_receipts_of_one_batch_are_told_apart_by_rail(books: Books) -> None:
    paid = [await books.deposit(rail=rail) for rail in (EAST, WEST, WEST)]
    batch = [one.result("settled", provider_reference="R1") for one in paid]
    assert await books.apply(*batch) == ["applied", "applied", "conflict"]


async def test_a_result_of_another_rail_is_not_applied(books: Books) -> None:
    paid = await books.deposit(rail=EAST)
    for rail in (WEST, None):  # None: a worker of an earlier release, whose rail is its method
        assert await books.apply(paid.result("settled", rail=rail)) == ["unknown_payment"]
    assert await books.status(paid) == "pending"


async def test_what_earlier_releases_send_names_no_rail(books: Books) -> None:
    paid, outcome = await settled(books, None, "R1")
    assert (outcome, (await books.payment(paid))["rail"]) == (["applied"], "mpesa")
    new = await books.deposit()
    assert await books.apply(new.result("settled", rail="mpesa")) == ["applied"]


async def test_a_refund_goes_by_the_rail_of_its_deposit(books: Books) -> None:
    deposit, _ = await settled(books, EAST, "R1")
    refund, _ = await books.refund(deposit, 4_000, rail=EAST)
    assert (await books.payment(refund))["rail"] == EAST
    for rail in (WEST, None):
        with pytest.raises(asyncpg.PostgresError, match="not_refundable"):
            await books.refund(deposit, 1_000, rail=rail)


async def test_a_reversal_belongs_to_the_rail(books: Books) -> None:
    reversed_one, _ = await settled(books, EAST, "R1")
    result = reversed_one.result(
        "reversed", seq=20, amount={"minor": "10000", "currency": "KES"}, provider_reference="X1"
    )
    assert await books.apply(result) == ["applied"]
    other = reversed_one.result("reversed", seq=21, rail=WEST)
    assert await books.apply(other) == ["unknown_payment"]
    keys = await books.admin.fetch("select method, reference from ledger.receipt order by 2")
    assert [tuple(key) for key in keys] == [(EAST, "R1"), (EAST, "X1")]


async def test_the_sweeper_publishes_to_the_worker_of_the_rail(books: Books) -> None:
    await books.deposit(rail=EAST)
    async with books.ledger.acquire() as connection:
        at = NOON + timedelta(minutes=1)
        assert await connection.fetchval("select ledger.sweep($1, 10)", at) == 1
    topics = {row["topic"] for row in await books.outbox()}
    assert topics == {"payments.commands.mpesa_east"}


async def test_an_event_names_the_rail(books: Books) -> None:
    await settled(books, EAST, "R1")
    (event,) = [row for row in await books.outbox() if row["topic"] == "payments.events"]
    shown = json.loads(event["body"])["payment"]
    assert (shown["method"], shown["rail"]) == ("mpesa", EAST)


async def test_money_that_no_command_asked_for_counts_once_in_its_rail(books: Books) -> None:
    money = ReceivedMoney(
        livemode=False,
        instrument=Instrument(kind="phone", display="2547****149", sealed="", country="KE"),
        merchant_id=MERCHANT,
        customer_id="c1",
    )
    for name in (EAST, WEST, EAST):
        told = received_result(
            replace(example_rail(), name=name), "R1", Money(700, "KES"), money,
            occurred_at=NOON, evidence=[],
        )  # fmt: skip
        await books.apply(told)
    assert await books.customer() == (1_400, 0)
    assert await books.balance("provider:mpesa_east:KES") == (700, 0)
    assert await books.broken() == set()
