"""The part of a deposit's fee that refunds give back, against a model with fractions.

Rule: after every refund that stands, what went back of the fee is the fee times what went back of
the deposit, rounded half up; a single refund gives back no less than nothing, no more than itself.
"""

from fractions import Fraction
from math import floor
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.ledger.books import Books, Paid
from tests.support.reused_database import EMPTY

pytestmark = pytest.mark.integration


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


class Shares:
    """The refunds of one deposit that stand: their amounts and shares."""

    def __init__(self, minor: int, fee: int) -> None:
        self.minor, self.fee = minor, fee
        self.standing: dict[int, tuple[int, int]] = {}

    def next(self, minor: int) -> int:
        """The share of a refund of that amount, now."""
        gone = sum(amount for amount, _ in self.standing.values())
        given_back = sum(share for _, share in self.standing.values())
        due = half_up(Fraction(self.fee * (gone + minor), self.minor))
        return min(minor, max(0, due - given_back))


ENDS = ("settled", "declined", "expired", "canceled", "returned", "pending")
refunds = st.lists(st.tuples(st.integers(1, 40), st.sampled_from(ENDS)), min_size=1, max_size=12)


async def end(books: Books, refund: Paid, how: Any) -> bool:
    """End a refund so; true when its money is gone, or may be."""
    if how == "pending":
        return True
    kind = "settled" if how == "returned" else how
    assert await books.apply(refund.result(kind)) == ["applied"]
    if how == "returned":
        back = refund.result("reversed", seq=5, amount=refund_money(refund))
        assert await books.apply(back) == ["applied"]
    return how == "settled"


def refund_money(refund: Paid) -> Any:
    from cift_shared.money.amount import Money

    return Money(refund.minor, refund.currency)


@given(minor=st.integers(1, 120), fee=st.integers(0, 120), plan=refunds, merchant=st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_shares_follow_the_model(
    books: Books, minor: int, fee: int, plan: list[tuple[int, str]], merchant: bool
) -> None:
    await books.admin.execute(EMPTY)
    fee = min(fee, minor)
    terms = {"fee_bearer": "merchant", "net_minor": str(minor)} if merchant else {}
    paid = await books.settled_deposit(minor, fee, **terms)
    await books.settled_deposit(100_000, 0)
    model = Shares(minor, fee)
    for place, (wanted, how) in enumerate(plan):
        left = minor - sum(amount for amount, _ in model.standing.values())
        if wanted > left:
            with pytest.raises(asyncpg.PostgresError, match="refund_exceeds_captured"):
                await books.refund(paid, wanted)
            continue
        expected = model.next(wanted)
        refund, told = await books.refund(paid, wanted)
        net = wanted if merchant else wanted - expected
        assert told == {"fee_minor": str(expected), "net_minor": str(net)}
        if await end(books, refund, how):
            model.standing[place] = (wanted, expected)
    assert await books.broken() == set()


# Deposit of 100; the refunds before the last are (amount, how it ended); the last and its share.
CASES = [
    (1, [], 49, 0),  # 0.49
    (1, [], 50, 1),  # 0.50: half is rounded up
    (1, [(49, "settled"), (1, "settled")], 50, 0),
    (3, [(50, "settled")], 50, 1),  # 1.5 is 2, so 1 is left
    (25, [(2, "settled")], 2, 0),  # 0.5 is 1; 1.0 less 1
    (99, [(50, "returned"), (1, "settled")], 1, 1),
    # the share of the one that stands was rounded down beside one that came back: two are due
    # for a refund of one, which can't give back more than itself
    (99, [(50, "together"), (1, "settled")], 1, 1),
    # and up: more went back than is due, which is not asked for again
    (1, [(49, "together"), (1, "settled")], 1, 0),
]


@pytest.mark.parametrize(("fee", "before", "minor", "share"), CASES)
async def test_shares_at_the_edges(
    books: Books, fee: int, before: list[tuple[int, str]], minor: int, share: int
) -> None:
    paid = await books.settled_deposit(100, fee)
    await books.settled_deposit(1_000, 0)
    later: list[Paid] = []
    for amount, how in before:
        refund, _ = await books.refund(paid, amount)
        if how == "together":  # it stands while the others are accepted, and comes back then
            later.append(refund)
        else:
            await end(books, refund, how)
    for refund in later:
        await end(books, refund, "returned")
    _, told = await books.refund(paid, minor)
    assert told["fee_minor"] == str(share)
