"""Holds of operators and disputes: they end once, wholly or in part, or when their time is over."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.integration.ledger.books import NOON, Books

pytestmark = pytest.mark.integration

HOLD = "select ledger.hold_funds($1, $2, $3, 'a test', $4, $5)"
END = """
select ledger.lock_balances(array[account_id]), ledger.end_hold(hold_id, $2, $3, $4)
from ledger.hold where hold_key = $1
"""


async def account(books: Books) -> int:
    """The customer's account, with 100.00 in it."""
    await books.settled_deposit(10_000, 0)
    found: int = await books.admin.fetchval(
        "select account_id from ledger.account where code = 'customer:c1:KES'"
    )
    return found


async def hold(books: Books, key: str, account_id: int, amount: int, **until: float) -> int:
    expires_at = NOON + timedelta(**until) if until else None
    found: int = await books.admin.fetchval(HOLD, key, account_id, amount, NOON, expires_at)
    return found


async def end(books: Books, key: str, state: str, captured: int | None = None) -> None:
    await books.admin.execute(END, key, state, captured, NOON)


async def state(books: Books, key: str) -> Any:
    row = await books.admin.fetchrow(
        "select state, captured from ledger.hold where hold_key = $1", key
    )
    return tuple(row)


async def test_lowers_what_is_available_and_not_what_is_posted(books: Books) -> None:
    await hold(books, "k", await account(books), 4_000)
    assert await books.customer() == (10_000, 4_000)
    with pytest.raises(asyncpg.PostgresError, match="insufficient_funds"):
        await books.withdrawal(6_001, 0)
    await books.withdrawal(6_000, 0)


async def test_the_same_order_again_is_the_same_hold(books: Books) -> None:
    target = await account(books)
    assert await hold(books, "k", target, 4_000) == await hold(books, "k", target, 4_000)
    assert await books.customer() == (10_000, 4_000)
    with pytest.raises(asyncpg.UniqueViolationError):
        await hold(books, "k", target, 4_001)


async def test_more_than_is_there_is_refused(books: Books) -> None:
    target = await account(books)
    with pytest.raises(asyncpg.PostgresError, match="insufficient_funds"):
        await hold(books, "k", target, 10_001)
    for wrong in (0, -1):
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await hold(books, "k", target, wrong)
    assert await books.customer() == (10_000, 0)


@pytest.mark.parametrize("seconds", [0, -1])
async def test_it_ends_after_it_began(books: Books, seconds: int) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await hold(books, "k", await account(books), 100, seconds=seconds)


async def test_a_key_is_of_one_account(books: Books) -> None:
    await books.settled_deposit(10_000, 0, customer_id="c2")
    await hold(books, "k", await account(books), 100)
    other = await books.admin.fetchval(
        "select account_id from ledger.account where code = 'customer:c2:KES'"
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await hold(books, "k", other, 100)


async def test_a_hold_ends_once(books: Books) -> None:
    await hold(books, "k", await account(books), 4_000)
    await end(books, "k", "released")
    assert await books.customer() == (10_000, 0)
    for again in ("released", "expired", "captured"):
        with pytest.raises(asyncpg.RestrictViolationError, match="has ended as released"):
            await end(books, "k", again, 1 if again == "captured" else None)


async def test_never_captures_more_than_is_held(books: Books) -> None:
    await hold(books, "k", await account(books), 4_000)
    for wrong in (4_001, -1, None):
        with pytest.raises(asyncpg.CheckViolationError):
            await end(books, "k", "captured", wrong)
    assert await books.customer() == (10_000, 4_000)
    await end(books, "k", "released")


async def test_a_part_is_captured_and_the_rest_is_free(books: Books) -> None:
    target = await account(books)
    await hold(books, "k", target, 4_000)
    order = {"key": "k2", "amount": "1000", "operator": "ops", "reason": "a test"}
    await books.admin.execute(
        "select ledger.place_operator_hold($1)",
        {**order, "amount": "3000", "merchant_id": "acme", "livemode": False, "customer_id": "c1",
         "currency": "KES", "until": None, "at": NOON.isoformat()},
    )  # fmt: skip
    await books.admin.execute("select ledger.capture_hold($1)", {**order, "at": NOON.isoformat()})
    assert await state(books, "operator:k2") == ("captured", 1_000)
    assert await books.customer() == (9_000, 4_000)
    assert await books.balance("adjustments:KES") == (-1_000, 0)


async def test_time_ends_what_has_one(books: Books) -> None:
    target = await account(books)
    await hold(books, "short", target, 100, seconds=10)
    await hold(books, "long", target, 200, days=36_500)
    await hold(books, "forever", target, 300)
    payment = await books.withdrawal(400, 0)

    async def expire(seconds: float) -> int:
        found: int = await books.ledger.fetchval(
            "select ledger.expire_holds($1, 10)", NOON + timedelta(seconds=seconds)
        )
        return found

    assert [await expire(9), await expire(10), await expire(10)] == [0, 1, 0]
    assert await state(books, "short") == ("expired", None)
    assert await books.customer() == (10_000, 900)
    assert await books.hold(payment) == "held"


async def test_only_so_many_expire_at_once(books: Books) -> None:
    target = await account(books)
    for number in range(5):
        await hold(books, f"k{number}", target, 100, seconds=number + 1)
    expired = [
        await books.ledger.fetchval(
            "select ledger.expire_holds($1, 2)", NOON + timedelta(minutes=1)
        )
        for _ in range(4)
    ]
    assert expired == [2, 2, 1, 0]


async def test_expiry_and_release_at_once_end_it_once(books: Books) -> None:
    target = await account(books)
    for number in range(6):
        await hold(books, f"k{number}", target, 100, seconds=1)
    late = NOON + timedelta(minutes=1)
    answers = await asyncio.gather(
        *(end(books, f"k{number}", "released") for number in range(6)),
        *(books.ledger.fetchval("select ledger.expire_holds($1, 10)", late) for _ in range(4)),
        return_exceptions=True,
    )
    refused = [a for a in answers if isinstance(a, asyncpg.RestrictViolationError)]
    expired = sum(answer for answer in answers if isinstance(answer, int))
    assert len(refused) == expired
    assert await books.customer() == (10_000, 0)


async def test_has_exactly_one_name(books: Books) -> None:
    target = await account(books)
    with pytest.raises(asyncpg.CheckViolationError, match="hold_has_one_name"):
        await books.admin.execute(
            "insert into ledger.hold (account_id, amount, created_at) values ($1, 1, now())", target
        )
