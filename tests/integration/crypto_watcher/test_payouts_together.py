"""Several withdrawals in one Bitcoin transaction, in front of real consensus rules.

Business rule: each is paid its amount once and has its own receipt; a withdrawal that can't be paid
holds none of the others back.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from provider_sandbox.bitcoin.reorg import ReorgPlan, reorganise
from tests.integration.crypto_watcher.payout_harness import LIMITS, Paying, open_paying
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

TOGETHER = {"payouts_max": 3}


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database, **TOGETHER) as opened:
        yield opened


async def queued(paying: Paying, *satoshi: int) -> list[UUID]:
    """Withdrawals that wait at the same time, each to another address."""
    found = [await paying.withdraw(one) for one in satoshi]

    async def waiting() -> bool:
        count = await paying.pool.fetchval("select count(*) from bitcoin.payout")
        return bool(count >= len(found))

    await eventually(waiting, "all of them wait")
    return found


async def sent(paying: Paying, payments: list[UUID], count: int = 1) -> set[str]:
    """The transactions that pay them, once so many are in the mempool."""

    async def there() -> set[str] | None:
        await paying.sign()
        pooled = set(paying.real.pool.pooled)
        return pooled if len(pooled) >= count else None

    return set(await eventually(there, f"{count} transactions for {payments}"))


async def settled(paying: Paying, payments: list[UUID]) -> list[PaymentResult]:
    await paying.mine(3)
    return [await paying.result(one, "settled") for one in payments]


async def test_they_share_a_transaction_and_its_fee(paying: Paying) -> None:
    await paying.fund(5_000_000)
    payments = await queued(paying, 1_000_000, 500_000, 250_000)
    (txid,) = await sent(paying, payments)
    results = await settled(paying, payments)
    assert [one.amount for one in results] == [
        Money(satoshi, "BTC") for satoshi in (1_000_000, 500_000, 250_000)
    ]
    references = {str(one.provider_reference) for one in results}
    assert len(references) == 3
    assert {one.partition(":")[0] for one in references} == {txid}
    fee = await paying.pool.fetchval("select fee from bitcoin.spend where txid = $1", txid)
    shares = [one.provider_fee.minor for one in results if one.provider_fee is not None]
    assert sum(shares) == fee
    assert max(shares) - min(shares) <= 1
    outputs = paying.real.chain.entries[paying.real.chain.active[-3]].block.transactions[1].outputs
    for one, satoshi in zip(results, (1_000_000, 500_000, 250_000), strict=True):
        vout = int(str(one.provider_reference).partition(":")[2])
        assert outputs[vout].value == satoshi


async def test_equal_payments_to_one_address_have_receipts_of_their_own(paying: Paying) -> None:
    await paying.fund(5_000_000)
    address = paying.real.outside.new_address()
    payments = [await paying.withdraw(300_000, address) for _ in range(2)]
    await sent(paying, payments)
    results = await settled(paying, payments)
    assert len({one.provider_reference for one in results}) == 2
    assert sorted(paying.paid(address)) == [300_000, 300_000]


async def test_no_more_than_the_setting_are_in_one(paying: Paying) -> None:
    await paying.fund(2_000_000, 2_000_000)
    payments = await queued(paying, *[100_000] * 4)
    await sent(paying, payments, 2)
    await settled(paying, payments)
    counts = await paying.pool.fetch(
        "select count(*) as members from bitcoin.payout group by coalesce(group_id, payment_id)"
    )
    assert sum(row["members"] for row in counts) == 4
    assert max(row["members"] for row in counts) <= 3


async def test_a_replacement_keeps_all_of_them(emptied_database: str) -> None:
    settings = {**TOGETHER, "bump_after_blocks": 2}
    async with open_paying(emptied_database, **settings) as paying:
        await paying.fund(5_000_000)
        payments = await queued(paying, 1_000_000, 500_000, 250_000)
        (first,) = await sent(paying, payments)
        await paying.mine(2, without=True)

        async def replaced() -> str | None:
            await paying.sign()
            fresh = set(paying.real.pool.pooled) - {first}
            return next(iter(fresh), None)

        second = await eventually(replaced, "a version with a higher fee")
        assert first not in paying.real.pool.pooled
        results = await settled(paying, payments)
        assert {str(one.provider_reference).partition(":")[0] for one in results} == {second}
        rows = await paying.pool.fetch("select version, fee from bitcoin.spend order by version")
        assert [row["version"] for row in rows] == [1, 2]
        shares = [one.provider_fee.minor for one in results if one.provider_fee is not None]
        assert sum(shares) == rows[1]["fee"]


async def test_one_that_is_refused_holds_no_other_back(paying: Paying) -> None:
    await paying.fund(2_000_000, 2_000_000, 2_000_000)
    paying.signer, _ = paying.another_signer(replace(LIMITS, transaction_max=500_000))
    large, *small = await queued(paying, 600_000, 100_000, 200_000)

    async def declined() -> bool:
        await paying.sign()
        return "declined" in await paying.kinds(large)

    await eventually(declined, "the large one is declined")
    await sent(paying, small, 2)
    results = await settled(paying, small)
    assert [one.amount for one in results] == [Money(100_000, "BTC"), Money(200_000, "BTC")]
    refused = await paying.result(large, "declined")
    assert refused.failure is not None
    assert refused.failure.code == "above_signing_limit"
    held = await paying.pool.fetch("select payment_id from bitcoin.reserved_coin")
    assert {row["payment_id"] for row in held} == set(small)


async def test_too_little_for_all_pays_those_that_fit(paying: Paying) -> None:
    await paying.fund(1_000_000)
    payments = await queued(paying, 700_000, 600_000)
    await sent(paying, payments)
    await paying.mine(3)

    async def one_is_paid() -> bool:
        await paying.make_due()
        kinds = [await paying.kinds(one) for one in payments]
        return sum("settled" in one for one in kinds) == 1

    await eventually(one_is_paid, "one of them is paid")
    await paying.fund(2_000_000)
    await sent(paying, payments)
    await settled(paying, payments)


async def test_one_alone_is_paid_as_before(paying: Paying) -> None:
    await paying.fund(2_000_000)
    (payment_id,) = await queued(paying, 1_000_000)
    await paying.in_mempool(payment_id)
    (result,) = await settled(paying, [payment_id])
    (row,) = await paying.planned(payment_id)
    assert result.provider_fee == Money(row["fee"], "BTC")


async def test_a_confirmed_group_that_is_reorganised_away_is_sent_again(paying: Paying) -> None:
    await paying.fund(5_000_000)
    payments = await queued(paying, 1_000_000, 500_000)
    (txid,) = await sent(paying, payments)
    await settled(paying, payments)
    reorganise(paying.real, ReorgPlan(depth=3, blocks=4, drop=frozenset({txid}), forget=True))
    await paying.read()
    assert txid not in paying.real.pool.pooled
    await paying.undone.run(paying.lease)
    assert txid in paying.real.pool.pooled
    await paying.mine(3)
    for one in payments:
        assert (await paying.kinds(one)).count("settled") == 1
