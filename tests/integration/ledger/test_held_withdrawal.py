"""What signers read of withdrawals: as they were accepted, and if their money is set aside."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.ledger.books import Books, Paid, open_books
from tests.support.rows import Rows, open_rows

pytestmark = pytest.mark.integration

IS_HELD = "select is_held from ledger.held_withdrawal where payment_id = $1"


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    """Books whose rows a test changes as the ledger would not: they no longer hold together."""
    async with open_books(database) as opened:
        yield opened


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Rows]:
    async with open_rows(database) as opened:
        yield opened


async def accepted(books: Books, **over: Any) -> Paid:
    await books.settled_deposit(50_000, 0)
    return await books.withdrawal(4_000, 100, **over)


async def is_held(rows: Rows, paid: Paid) -> list[Any]:
    return [held for (held,) in await rows.all(IS_HELD, paid.payment_id)]


async def test_it_is_shown_as_it_was_accepted(books: Books, rows: Rows) -> None:
    paid = await accepted(books)
    await rows.run("set role cift_ledger_holds")
    found = await rows.all("select * from ledger.held_withdrawal")
    await rows.run("reset role")
    row = await books.payment(paid)
    assert found == [(paid.payment_id, row["rail"], 4_000, "KES", "k1:c2VhbGVk", True)]


@pytest.mark.parametrize(
    ("status", "held"),
    [
        ("pending", True), ("processing", True), ("requires_action", True), ("in_review", False),
        ("completed", False), ("failed", False), ("expired", False), ("canceled", False),
    ],
)  # fmt: skip
async def test_its_money_is_set_aside_while_it_is_open(
    books: Books, rows: Rows, status: str, held: bool
) -> None:
    """The hold of one in review stays: nothing more is sent for it."""
    paid = await accepted(books)
    await rows.run(
        "update ledger.payment set status = $2 where payment_id = $1", paid.payment_id, status
    )
    assert await is_held(rows, paid) == [held]


@pytest.mark.parametrize("state", ["captured", "released", "expired"])
async def test_a_hold_that_has_ended_sets_nothing_aside(
    books: Books, rows: Rows, state: str
) -> None:
    paid, other = await accepted(books), await accepted(books)
    ended = """
        update ledger.hold set state = $2, captured = $3, ended_at = now(), end_booked_at = now()
         where payment_id = $1
    """
    await rows.run(ended, paid.payment_id, state, 1 if state == "captured" else None)
    assert [await is_held(rows, one) for one in (paid, other)] == [[False], [True]]
