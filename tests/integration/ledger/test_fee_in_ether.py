"""A withdrawal in a token moves the token and costs ether: each balances in its own currency."""

from collections import Counter
from typing import Any

import pytest

from cift_shared.money.amount import Money
from tests.integration.ledger.books import Books, Paid

pytestmark = pytest.mark.integration

USDC: dict[str, Any] = {"method": "ethereum", "currency": "USDC"}
FEE = Money(65_000 * 31_000_000_001, "ETH")
COST = {"provider-costs:ethereum:ETH": FEE.minor, "provider:ethereum:ETH": -FEE.minor}


async def accepted(books: Books) -> Paid:
    """A withdrawal of 25 USDC, which costs the customer 5.20 more."""
    await books.settled_deposit(100_000_000, 0, **USDC)
    return await books.withdrawal(25_000_000, 5_200_000, **USDC)


async def sums(books: Books) -> Counter[str]:
    """The sum of all entries by currency."""
    rows = await books.admin.fetch(
        "select account.code, entry.amount from ledger.entry join ledger.account using (account_id)"
    )
    found: Counter[str] = Counter()
    for row in rows:
        found[row["code"].rpartition(":")[2]] += int(row["amount"])
    return found


async def test_what_is_paid_and_what_it_costs_are_two_transactions(books: Books) -> None:
    paid = await accepted(books)
    assert await books.apply(paid.result("settled", provider_fee=FEE)) == ["applied"]
    assert await books.journal(paid) == {
        "settlement": {
            "customer:c1:USDC": 30_200_000,
            "provider:ethereum:USDC": -25_000_000,
            "fees:ethereum:USDC": -5_200_000,
        },
        "provider_fee": COST,
    }
    assert await books.balance("provider:ethereum:USDC") == (75_000_000, 0)
    assert await sums(books) == {"USDC": 0, "ETH": 0}
    assert await books.broken() == set()


async def test_one_that_failed_in_its_block_has_cost_ether_and_moved_nothing(books: Books) -> None:
    paid = await accepted(books)
    assert await books.apply(paid.result("declined", provider_fee=FEE)) == ["applied"]
    assert await books.journal(paid) == {"provider_fee": COST}
    assert await books.balance("customer:c1:USDC") == (-100_000_000, 0)
    assert await sums(books) == {"USDC": 0, "ETH": 0}
    assert await books.broken() == set()


async def test_one_that_an_operator_must_look_at_moves_nothing_yet(books: Books) -> None:
    paid = await accepted(books)
    told = paid.result("conflicting", reason="the token has not reported the transfer")
    await books.apply(told)
    assert await books.journal(paid) == {}
    assert await books.hold(paid) == "held"
    assert await books.balance("customer:c1:USDC") == (-100_000_000, 30_200_000)
