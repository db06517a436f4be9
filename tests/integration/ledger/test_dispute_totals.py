"""News of a dispute are totals, in any order: what the books make of them, against a model.

Rules: a total never shrinks and is posted once; the customer pays no more than was lost and no
more than was held; what a dispute takes counts against refunds.
"""

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cift_shared.money.amount import Money
from tests.integration.ledger.books import Books
from tests.integration.ledger.test_reversals_and_disputes import (
    COSTS,
    CUSTOMER,
    DISPUTES,
    LOSSES,
    PROVIDER,
    disputed,
)
from tests.support.reused_database import EMPTY

pytestmark = pytest.mark.integration

totals = st.tuples(
    st.sampled_from([None, 0, 4_000, 7_000, 10_000]),
    st.sampled_from([None, 0, 1_000, 4_000, 7_000]),
    st.sampled_from([None, 0, 500, 1_500]),
    st.sampled_from([None, 0, 500]),
)


@given(news=st.lists(totals, min_size=1, max_size=5), order=st.randoms())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_totals_are_the_largest_that_were_told(books: Books, news, order) -> None:
    await books.admin.execute(EMPTY)
    paid = await books.settled_deposit(10_000, 0)
    told = [
        disputed(paid, 20 + place, withdrawn=taken, reinstated=back, fee=fee, fee_reinstated=freed)
        for place, (taken, back, fee, freed) in enumerate(news)
    ]
    order.shuffle(told)
    for result in (*told, *told):
        await books.apply(result)

    def most(column: int) -> int:
        return max(row[column] or 0 for row in news)

    taken, back, fee, freed = (most(column) for column in range(4))
    assert await books.balance(DISPUTES) == (taken - back, 0)
    assert await books.balance(COSTS) == (fee - freed, 0)
    assert await books.balance(PROVIDER) == (10_000 - taken + back - fee + freed, 0)
    assert (await books.payment(paid))["disputed_minor"] == max(0, taken - back)
    assert await books.broken() == set()


async def test_a_later_smaller_total_changes_nothing(books: Books) -> None:
    paid = await books.settled_deposit(10_000, 0)
    for seq, taken in enumerate((7_000, 4_000, 7_000, 4_000), start=20):
        await books.apply(disputed(paid, seq, withdrawn=taken, fee=taken // 10))
    assert (await books.journal(paid))["dispute_withdrawn"] == {DISPUTES: 7_000, PROVIDER: -7_000}
    assert await books.balance(DISPUTES) == (7_000, 0)
    assert await books.balance(COSTS) == (700, 0)
    assert await books.balance(PROVIDER) == (10_000 - 7_700, 0)


# taken, given back, what the customer had: what is held, what the customer pays once it is lost
PARTLY = [
    (10_000, 0, 10_000, 10_000, 10_000),
    (10_000, 4_000, 10_000, 6_000, 6_000),
    (10_000, 4_000, 5_000, 5_000, 5_000),
    (6_000, 5_999, 10_000, 1, 1),
    (6_000, 6_000, 10_000, 0, 0),
]


@pytest.mark.parametrize(("taken", "back", "has", "held", "pays"), PARTLY)
async def test_what_was_given_back_at_once_is_neither_held_nor_paid(
    books: Books, taken: int, back: int, has: int, held: int, pays: int
) -> None:
    paid = await books.settled_deposit(10_000, 0)
    if has < 10_000:
        spent = await books.withdrawal(10_000 - has, 0)
        await books.apply(spent.result("settled"))
    await books.apply(disputed(paid, 20, withdrawn=taken, reinstated=back))
    assert await books.customer() == (has, held)
    assert (await books.payment(paid))["disputed_minor"] == taken - back
    await books.apply(
        disputed(paid, 21, withdrawn=taken, reinstated=back, status="lost", closed="lost")
    )
    assert await books.customer() == (has - pays, 0)
    assert await books.balance(LOSSES) == (taken - back - pays, 0)
    assert await books.balance(DISPUTES) == (0, 0)


async def test_what_is_given_back_before_the_end_lowers_what_the_customer_pays(
    books: Books,
) -> None:
    paid = await books.settled_deposit(10_000, 0)
    await books.apply(disputed(paid, 20, withdrawn=10_000))
    assert await books.customer() == (10_000, 10_000)
    await books.apply(disputed(paid, 21, withdrawn=10_000, reinstated=3_000))
    await books.apply(
        disputed(paid, 22, withdrawn=10_000, reinstated=3_000, status="lost", closed="lost")
    )
    assert (await books.journal(paid))["dispute_lost"] == {DISPUTES: -7_000, CUSTOMER: 7_000}
    assert await books.customer() == (3_000, 0)
    assert await books.balance(LOSSES) == (0, 0)


async def test_all_given_back_ends_the_hold_before_the_word_comes(books: Books) -> None:
    paid = await books.settled_deposit(10_000, 0)
    await books.apply(disputed(paid, 20, withdrawn=6_000))
    await books.apply(disputed(paid, 21, withdrawn=6_000, reinstated=5_999))
    assert await books.customer() == (10_000, 6_000)
    await books.apply(disputed(paid, 22, withdrawn=6_000, reinstated=6_000))
    assert await books.customer() == (10_000, 0)
    assert (await books.payment(paid))["disputed_minor"] == 0


async def test_what_stays_taken_counts_against_refunds(books: Books) -> None:
    paid = await books.settled_deposit(10_000, 0)
    await books.settled_deposit(50_000, 0)
    await books.apply(disputed(paid, 20, withdrawn=6_000, reinstated=1_000))
    with pytest.raises(asyncpg.PostgresError, match="refund_exceeds_captured"):
        await books.refund(paid, 5_001)
    await books.refund(paid, 5_000)


async def test_money_taken_in_another_currency_holds_nothing(books: Books) -> None:
    """The provider took dollars for shillings: what they are worth in shillings is not known."""
    paid = await books.settled_deposit(10_000, 0)
    news = disputed(paid, 20, withdrawn=0).dispute
    assert news is not None
    usd = news.model_copy(update={"withdrawn": Money(77, "USD")})
    assert await books.apply(paid.result("disputed", seq=20, dispute=usd)) == ["applied"]
    assert await books.customer() == (10_000, 0)
    # all that is contested counts
    assert (await books.payment(paid))["disputed_minor"] == 10_000
    assert await books.balance("disputes:mpesa:USD") == (77, 0)


@pytest.mark.parametrize("field", ["withdrawn", "reinstated", "fee", "fee_reinstated"])
async def test_another_currency_than_before_is_for_people(books: Books, field: str) -> None:
    paid = await books.settled_deposit(10_000, 0)
    first = {"withdrawn": 6_000, "fee": 100, "reinstated": 10, "fee_reinstated": 10}
    await books.apply(disputed(paid, 20, **first))
    news = disputed(paid, 21, **first).dispute
    assert news is not None
    strange = news.model_copy(update={field: Money(7_000, "USD")})
    assert await books.apply(paid.result("disputed", seq=21, dispute=strange)) == ["conflict"]
    assert (await books.history(paid))[-1]["reason"] == "dispute_currency_mismatch"
    assert await books.balance(DISPUTES) == (5_990, 0)


async def test_a_fee_given_back_may_be_told_before_the_fee(books: Books) -> None:
    paid = await books.settled_deposit(10_000, 0)
    assert await books.apply(disputed(paid, 20, fee_reinstated=500)) == ["applied"]
    assert await books.balance(COSTS) == (-500, 0)
    told = disputed(paid, 21, fee=500, fee_reinstated=500)
    assert await books.apply(told) == ["applied"]
    assert await books.balance(COSTS) == (0, 0)


async def test_an_inquiry_does_not_fix_the_currency_of_money_that_moves_later(
    books: Books,
) -> None:
    """Nothing moves in an inquiry; the provider then takes the money in its own currency."""
    paid = await books.settled_deposit(10_000, 0)
    assert await books.apply(disputed(paid, 20, status="warning_needs_response")) == ["applied"]
    news = disputed(paid, 21).dispute
    assert news is not None
    for seq, part in (
        (21, {"withdrawn": Money(77, "USD")}),
        (22, {"reinstated": Money(77, "USD")}),
    ):
        news = news.model_copy(update=part)
        assert await books.apply(paid.result("disputed", seq=seq, dispute=news)) == ["applied"]
        assert await books.balance("disputes:mpesa:USD") == (77 if seq == 21 else 0, 0)
    kes = news.model_copy(update={"withdrawn": Money(10_000, "KES")})
    assert await books.apply(paid.result("disputed", seq=23, dispute=kes)) == ["conflict"]
