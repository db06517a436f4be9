"""Conversions in the books: one transaction, never more than the customer has, never new money."""

import asyncio
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal, localcontext
from random import Random
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner

from cift_shared.money.amount import EXPONENTS
from ledger.cli import ledger
from tests.integration.ledger.books import MERCHANT, NOON, Books

pytestmark = pytest.mark.integration

INSUFFICIENT = "CF001"


def wish(minor: int, given: str, received: str, rate: str, **fields: Any) -> dict[str, Any]:
    """What the gateway hands to the books."""
    with localcontext(prec=100):
        worth = Decimal(minor) * Decimal(rate)
        worth = worth.scaleb(EXPONENTS[received] - EXPONENTS[given]).to_integral_value(ROUND_DOWN)
    return {
        "conversion_id": str(uuid4()),
        "merchant_id": MERCHANT,
        "livemode": False,
        "customer_id": "c1",
        "from_minor": str(minor),
        "from_currency": given,
        "to_minor": f"{worth:f}",
        "to_currency": received,
        "rate": rate,
        "market_rate": rate,
        "spread_bps": 0,
        "rate_source": "test",
        "rate_as_of": NOON.isoformat(),
        "requested_at": (NOON + timedelta(hours=1)).isoformat(),
        **fields,
    }


async def convert(books: Books, order: dict[str, Any]) -> str:
    terms = await books.gateway.fetchval("select ledger.convert($1)", order)
    return str(terms["transaction_id"])


async def entries(books: Books, tx_id: str) -> dict[str, int]:
    rows = await books.admin.fetch(
        "select code, amount from ledger.entry join ledger.account using (account_id) "
        "where tx_id = $1 order by seq", int(tx_id),
    )  # fmt: skip
    return {row["code"]: int(row["amount"]) for row in rows}


async def test_one_transaction_moves_both_currencies(books: Books) -> None:
    await books.settled_deposit(10_000, 250)
    order = wish(9_700, "KES", "USD", "0.0077")  # 74.69 cents
    tx_id = await convert(books, order)
    assert await entries(books, tx_id) == {
        "customer:c1:KES": 9_700,
        "liquidity:KES": -9_700,
        "liquidity:USD": 74,
        "customer:c1:USD": -74,
    }
    row = await books.admin.fetchrow("select * from ledger.conversion")
    assert (row["rate"], row["rate_source"], row["carry"]) == (
        Decimal("0.0077"), "test", Decimal("0.69"),
    )  # fmt: skip
    assert row["tx_id"] == int(tx_id) == row["position"] * 8
    (tx,) = await books.admin.fetch("select * from ledger.ledger_tx where kind = 'conversion'")
    assert (tx["ref"], tx["payment_id"]) == (order["conversion_id"], None)
    assert tx["effective_at"] == NOON + timedelta(hours=1)


async def test_the_same_conversion_again_changes_nothing(books: Books) -> None:
    await books.settled_deposit(10_000, 250)
    order = wish(5_000, "KES", "USD", "0.0077")
    first = await convert(books, order)
    assert await convert(books, order) == first
    assert await books.balance("customer:c1:KES") == (-4_750, 0)
    assert await books.admin.fetchval("select count(*) from ledger.conversion") == 1
    assert await books.admin.fetchval("select count(*) from ledger.input") == 1


async def test_held_money_is_not_exchanged(books: Books) -> None:
    await books.settled_deposit(10_000, 250)
    await books.withdrawal(4_000, 100)
    await convert(books, wish(5_650, "KES", "USD", "0.0077"))
    for minor in (1, 9_750):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await convert(books, wish(minor, "KES", "USD", "1"))
        assert refused.value.sqlstate == INSUFFICIENT
    assert await books.customer() == (4_100, 4_100)


async def test_who_has_nothing_exchanges_nothing(books: Books) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await convert(books, wish(100, "KES", "USD", "1", customer_id="nobody"))
    assert refused.value.sqlstate == INSUFFICIENT
    assert await books.admin.fetchval("select count(*) from ledger.account") == 0


@pytest.mark.parametrize(
    "lie",
    [
        {"to_minor": "78"},
        {"to_minor": "76"},
        {"to_minor": "0"},
        {"from_minor": "-100", "to_minor": "-1"},
        {"to_currency": "KES"},
        {"rate": "0.0078"},
        {"market_rate": "0.0076"},
        {"to_currency": "XYZ"},
        {"rate_source": None},
    ],
)
async def test_amounts_that_do_not_follow_from_the_rate_are_refused(books: Books, lie) -> None:
    await books.settled_deposit(10_000, 250)
    order = {**wish(10_000, "KES", "USD", "0.0077"), **lie}
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await convert(books, {**order, "from_minor": lie.get("from_minor", "9700")})
    assert await books.customer() == (9_750, 0)


async def test_what_rounding_cuts_off_is_booked_once_it_is_a_whole_unit(books: Books) -> None:
    await books.settled_deposit(10_000, 250)
    for _ in range(10):
        await convert(books, wish(100, "KES", "USD", "0.0137"))  # 1.37 cents each
    assert await books.balance("customer:c1:USD") == (-10, 0)
    assert await books.balance("rounding:USD") == (-3, 0)
    # given away exactly 13.7 cents, of which 13 are booked
    assert await books.balance("liquidity:USD") == (13, 0)
    carry = "select carry from ledger.conversion order by position desc limit 1"
    assert await books.admin.fetchval(carry) == Decimal("0.7")


async def test_an_amount_of_wei_is_exact(books: Books) -> None:
    minor = 123_456_789_012_345_678_901_234_567
    await books.settled_deposit(minor, 0, currency="ETH")
    order = wish(minor, "ETH", "USD", "3149.123456789012345")
    await convert(books, order)
    assert await books.balance("customer:c1:ETH") == (0, 0)
    assert await books.balance("customer:c1:USD") == (-int(order["to_minor"]), 0)
    assert int(order["to_minor"]) == minor * 3149123456789012345 // 10**31


async def test_many_at_once_neither_overdraw_nor_wait_for_each_other_forever(books: Books) -> None:
    chance = Random(7)
    for customer in ("a", "b"):
        for currency in ("KES", "USD"):
            await books.settled_deposit(10_000, 0, customer_id=customer, currency=currency)

    async def one() -> bool:
        given, received = chance.sample(["KES", "USD"], 2)
        rate = "0.0077" if given == "KES" else "129.25"
        minor = chance.randint(1_000, 9_000)
        try:
            customer = chance.choice("ab")
            await convert(books, wish(minor, given, received, rate, customer_id=customer))
        except asyncpg.PostgresError as error:
            if error.sqlstate != INSUFFICIENT:
                raise
            return False
        return True

    done = await asyncio.gather(*[one() for _ in range(60)])
    assert True in done
    booked = await books.admin.fetchval("select count(*) from ledger.conversion")
    assert booked == sum(done)
    # and the books hold together: see the fixture


async def test_only_the_gateway_may_convert_and_nobody_may_rewrite(books: Books) -> None:
    await books.settled_deposit(10_000, 250)
    await convert(books, wish(5_000, "KES", "USD", "0.0077"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await books.ledger.fetchval("select ledger.convert($1)", wish(1, "KES", "USD", "1"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await books.gateway.execute("update ledger.conversion set rate = 1")
    for statement in ("update ledger.conversion set rate = 1", "delete from ledger.conversion",
                      "truncate ledger.conversion"):  # fmt: skip
        with pytest.raises(asyncpg.RestrictViolationError):
            await books.admin.execute(statement)


async def test_rebuilt_books_have_the_same_conversions(
    books: Books, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.settled_deposit(10_000, 250)
    for _ in range(4):  # what rounding cuts off is booked in between
        await convert(books, wish(500, "KES", "USD", "0.0137"))
    await books.settled_deposit(10_000, 250, net_minor="10000", fee_bearer="merchant")
    await convert(books, wish(1_000, "KES", "UGX", "27.5"))
    monkeypatch.setenv("DATABASE_URL", database)
    answer = await asyncio.to_thread(CliRunner().invoke, ledger, ["rebuild-verify"])
    assert answer.exit_code == 0, answer.output
    assert "conversions" in answer.output
