"""What a provider charged for no payment: posted once, as a cost of the house."""

import asyncio
from typing import Any

import pytest

from cift_shared.attempts.charged import charged_result
from cift_shared.messaging.charged import ProviderCharge
from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from cift_shared.rails.registry import rails
from ledger.chain.compare import compare
from tests.integration.ledger.books import NOON, Books
from tests.integration.ledger.tables import whole_tables
from tests.integration.ledger.test_rebuild import empty, log_of, replay, snapshot
from tests.support.eventually import eventually
from tests.support.rows import open_rows

__all__ = ["empty"]
pytestmark = pytest.mark.integration

PROVIDER, COSTS = "provider:bitcoin:BTC", "provider-costs:bitcoin:BTC"


def charged(reference: str, fee: int, *, livemode: bool = False) -> PaymentResult:
    """The network took so much for moving our own coins."""
    charge = ProviderCharge(livemode=livemode, cause="sweep")
    return charged_result(
        rails()["bitcoin"], reference, Money(fee, "BTC"), charge, occurred_at=NOON
    )


async def test_it_is_a_cost_and_less_at_the_provider(books: Books) -> None:
    assert await books.apply(charged("a", 1_410), charged("b", 90)) == ["applied", "applied"]
    assert await books.balance(COSTS) == (1_500, 0)
    assert await books.balance(PROVIDER) == (-1_500, 0)
    assert await books.admin.fetchval("select count(*) from ledger.payment") == 0
    assert await books.outbox() == []
    assert await books.broken() == set()


async def test_real_money_has_accounts_of_its_own(books: Books) -> None:
    await books.apply(charged("a", 5, livemode=True))
    tenants = await books.admin.fetch("select distinct tenant from ledger.account")
    assert [row["tenant"] for row in tenants] == ["house:live"]


async def test_a_repeated_charge_changes_nothing(books: Books) -> None:
    await books.apply(charged("a", 1_410))
    before = await whole_tables(books.admin)
    assert await books.apply(charged("a", 1_410)) == ["duplicate"]
    assert await whole_tables(books.admin) == before


async def test_by_two_replicas_at_once(books: Books) -> None:
    outcomes = await asyncio.gather(*(books.apply(charged("a", 1_410)) for _ in range(6)))
    assert sorted(outcomes) == [["applied"]] + [["duplicate"]] * 5
    assert await books.balance(COSTS) == (1_410, 0)


async def test_one_waits_for_the_other_before_it_looks(books: Books, database: str) -> None:
    """Both find the accounts locked; neither may have looked before the other has posted."""
    await books.apply(charged("before", 1))
    async with open_rows(database) as holding, open_rows(database) as observer:
        async with holding.connection.transaction():
            await holding.run("select from ledger.balance for update")
            both = [asyncio.create_task(books.apply(charged("a", 1_410))) for _ in range(2)]

            async def wait() -> bool:
                return await observer.waiting() == 2

            await eventually(wait, "both wait for the accounts")
        outcomes = await asyncio.gather(*both)
    assert sorted(outcomes) == [["applied"], ["duplicate"]]
    assert await books.balance(COSTS) == (1_411, 0)


async def test_a_batch_keeps_its_order(books: Books) -> None:
    deposit = await books.deposit()
    told = [charged("a", 7), deposit.result("settled", provider_reference="r"), charged("a", 7)]
    assert await books.apply(*told) == ["applied", "applied", "duplicate"]


async def test_a_rebuild_has_it_too(books: Books, database: str, empty: Any) -> None:
    await books.settled_deposit()
    await books.apply(charged("a", 1_410), charged("b", 90))
    await replay(empty, await log_of(database), 7)
    async with snapshot(database) as original, empty.transaction():
        figures = await compare(original, empty)
    assert [(f.name, f.examples) for f in figures if f.differences] == []


@pytest.mark.parametrize(("rail", "account"), [("mpesa_tz", "mpesa_tz"), (None, "mpesa")])
async def test_it_is_of_the_rail_or_of_the_method_if_none_is_named(
    books: Books, rail: str | None, account: str
) -> None:
    told = charged("a", 70).model_copy(update={"method": "mpesa", "rail": rail})
    assert await books.apply(told) == ["applied"]
    assert await books.balance(f"provider-costs:{account}:BTC") == (70, 0)
    assert await books.balance(f"provider:{account}:BTC") == (-70, 0)


async def test_a_settlement_of_the_same_name_is_not_the_charge(books: Books) -> None:
    paid = await books.settled_deposit(10_000, 0)
    told = charged("a", 70).model_copy(update={"payment_id": paid.payment_id})
    assert await books.apply(told, told) == ["applied", "duplicate"]
