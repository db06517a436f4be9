"""Bitcoin deposits through the real engine and PostgreSQL, in front of a scripted node.

Business rule: what the chain confirms deeply enough is credited once, and nothing else is.
"""

import asyncio
from datetime import timedelta

import pytest

from cift_shared.money.amount import Money
from tests.integration.crypto_watcher.harness import OpenWatch, Watch
from tests.support import bitcoin
from tests.support.bitcoin_chain import FOREIGN, Tx

pytestmark = pytest.mark.integration


async def test_a_deposit_is_settled_at_its_depth_and_not_before(watch: Watch) -> None:
    deposit = await watch.deposit(1_000_000)
    assert deposit.address == bitcoin.FIRST
    tx = deposit.paid(1_000_000)
    watch.node.broadcast(tx)
    await watch.read()
    seen = await deposit.reach("submitted")
    assert seen.next_action is not None
    assert seen.next_action["confirmations"] == "0"
    assert seen.next_action["received"] == "0.01000000"
    for confirmations in (1, 2):
        await watch.mined(*[tx] if confirmations == 1 else [])
        seen = await deposit.reach("submitted", count=1 + confirmations)
        assert seen.next_action is not None
        assert seen.next_action["confirmations"] == str(confirmations)
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required", "submitted", "submitted", "submitted"]
    await watch.mined()
    settled = await deposit.reach("settled")
    assert settled.amount == Money(1_000_000, "BTC")
    assert settled.provider_reference == f"{tx.txid}:0"
    await watch.mined(times=2)
    assert (await deposit.kinds()).count("settled") == 1
    assert await watch.received() == []


async def test_a_repeated_command_gets_the_same_address(watch: Watch) -> None:
    command = bitcoin.deposit(clock=watch.clock)
    await watch.send(command)
    first = await watch.reach(command.payment_id, "action_required")
    await watch.send(command)
    again = await watch.reach(command.payment_id, "action_required", count=2)
    assert again.next_action == first.next_action
    other = await watch.deposit()
    assert first.next_action is not None
    assert other.address != first.next_action["address"]


async def test_addresses_of_deposits_at_once_differ(watch: Watch) -> None:
    commands = [bitcoin.deposit(clock=watch.clock) for _ in range(20)]
    await watch.send(*commands)
    told = [await watch.reach(one.payment_id, "action_required") for one in commands]
    assert len({one.next_action["address"] for one in told if one.next_action}) == 20
    rows = await watch.pool.fetch("select index from bitcoin.address order by index")
    assert [row["index"] for row in rows] == list(range(20))


async def test_too_little_waits_for_the_rest_until_the_time_is_over(watch: Watch) -> None:
    deposit = await watch.deposit(1_000_000)
    await watch.mined(deposit.paid(400_000), times=3)
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    watch.clock.advance(timedelta(seconds=3700))
    await watch.read()
    settled = await deposit.reach("settled")
    assert settled.amount == Money(400_000, "BTC")


async def test_two_parts_in_two_transactions_are_one_settlement(watch: Watch) -> None:
    deposit = await watch.deposit(1_000_000)
    await watch.mined(deposit.paid(400_000))
    await watch.mined(deposit.paid(350_000, 250_000), times=3)
    settled = await deposit.reach("settled")
    assert settled.amount == Money(1_000_000, "BTC")


async def test_too_much_is_credited_whole(watch: Watch) -> None:
    deposit = await watch.deposit(1_000_000)
    await watch.mined(deposit.paid(3_000_000), times=3)
    assert (await deposit.reach("settled")).amount == Money(3_000_000, "BTC")


async def test_one_transaction_may_pay_two_deposits(watch: Watch) -> None:
    first, second = await watch.deposit(100_000), await watch.deposit(200_000)
    tx = Tx((first.script, 100_000), (FOREIGN, 5), (second.script, 200_000))
    await watch.mined(tx, times=3)
    assert (await first.reach("settled")).provider_reference == f"{tx.txid}:0"
    assert (await second.reach("settled")).provider_reference == f"{tx.txid}:2"


async def test_nothing_in_time_expires_and_late_money_is_reported(watch: Watch) -> None:
    deposit = await watch.deposit(1_000_000)
    watch.clock.advance(timedelta(seconds=3601))
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required"]  # the chain was not read since
    await watch.read()
    failure = (await deposit.reach("expired")).failure
    assert failure is not None
    assert failure.code == "action_expired"
    tx = deposit.paid(1_000_000)
    await watch.mined(tx, times=3)
    (late,) = await watch.received()
    assert late.amount == Money(1_000_000, "BTC")
    assert late.provider_reference == f"{tx.txid}:0"
    assert late.received is not None
    assert late.received.related_payment_id == deposit.id
    await watch.mined(times=3)
    assert len(await watch.received()) == 1


async def test_a_second_payment_to_a_settled_deposit_is_reported_by_itself(watch: Watch) -> None:
    deposit = await watch.deposit(100_000)
    await watch.mined(deposit.paid(100_000), times=3)
    await deposit.reach("settled")
    await watch.mined(deposit.paid(70_000), times=2)
    assert await watch.received() == []
    await watch.mined()
    (again,) = await watch.received()
    assert again.amount == Money(70_000, "BTC")
    assert (await deposit.kinds()).count("settled") == 1


async def test_dust_is_recorded_and_credited_to_nobody(watch: Watch) -> None:
    deposit = await watch.deposit(100_000)
    await watch.mined(deposit.paid(999), times=4)
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required"]
    assert await watch.received() == []
    assert [row["satoshi"] for row in await watch.arrivals()] == [999]


async def test_a_replaced_transaction_leads_back_to_the_address(watch: Watch) -> None:
    deposit = await watch.deposit(100_000)
    tx = deposit.paid(100_000)
    watch.node.broadcast(tx)
    await watch.read()
    await deposit.reach("submitted")
    watch.node.pool.clear()
    await watch.read()
    await deposit.reach("action_required", count=2)
    watch.node.broadcast(tx)  # evicted, and sent again by the payer's wallet
    await watch.read()
    await deposit.reach("submitted", count=2)


async def test_large_amounts_need_more_confirmations(opened: OpenWatch) -> None:
    tiers = {"confirmation_tiers": "0.001:1,0.01:2", "confirmations": 4}
    async with opened(**tiers) as watch:
        small, large = await watch.deposit(100_000), await watch.deposit(5_000_000)
        await watch.mined(small.paid(100_000), large.paid(5_000_000))
        await small.reach("settled")
        await watch.mined(times=2)
        await watch.rest(large.id)
        assert "settled" not in await large.kinds()
        await watch.mined()
        await large.reach("settled")


async def test_no_address_is_given_out_while_the_chain_is_not_read(watch: Watch) -> None:
    watch.clock.advance(timedelta(seconds=200))
    command = bitcoin.deposit(clock=watch.clock)
    await watch.send(command)

    async def refused() -> bool:
        return (await watch.state_of(command.payment_id))["submits"] > 0

    async with asyncio.timeout(30):
        while not await refused():
            await asyncio.sleep(0.05)
    await watch.make_due()
    assert await watch.pool.fetchval("select count(*) from bitcoin.address") == 0
    await watch.read()
    await watch.reach(command.payment_id, "action_required")


async def test_a_shared_address_is_matched_by_the_named_transaction(opened: OpenWatch) -> None:
    async with opened(xpub=None, deposit_address=bitcoin.SHARED) as watch:
        first, second = await watch.deposit(100_000), await watch.deposit(100_000)
        assert first.address == second.address == bitcoin.SHARED
        old = first.paid(100_000)
        await watch.mined(old, times=3)
        await watch.verify(first.id, old.txid)
        settled = await first.reach("settled")
        assert settled.provider_reference == f"{old.txid}:0"
        await watch.verify(second.id, old.txid.upper())  # the same money once more
        await watch.verify(second.id, "not a transaction")
        await watch.rest(second.id)
        assert "settled" not in await second.kinds()
        third = await watch.deposit(100_000)
        await watch.verify(third.id, second.paid(1).txid)
        own = second.paid(120_000)
        await watch.verify(second.id, own.txid)  # named before it is seen
        await watch.mined(own, times=3)
        assert (await second.reach("settled")).amount == Money(120_000, "BTC")
        assert await watch.received() == []


async def test_money_to_the_shared_address_is_parked_when_nobody_names_it(
    opened: OpenWatch,
) -> None:
    async with opened(xpub=None, deposit_address=bitcoin.SHARED) as watch:
        deposit = await watch.deposit(100_000)
        tx = deposit.paid(100_000)
        await watch.mined(tx, times=4)
        assert await watch.received() == []
        watch.clock.advance(timedelta(days=1))
        await watch.read()
        (parked,) = await watch.received()
        assert parked.received is not None
        assert parked.received.related_payment_id is None
        later = await watch.deposit(100_000)
        await watch.verify(later.id, tx.txid)
        await watch.rest(later.id)
        assert await later.kinds() == ["action_required"]


async def test_a_transaction_older_than_the_deposit_is_not_its_own(opened: OpenWatch) -> None:
    async with opened(xpub=None, deposit_address=bitcoin.SHARED) as watch:
        first = await watch.deposit(100_000)
        tx = first.paid(100_000)
        await watch.mined(tx, times=3)
        thief = await watch.deposit(100_000)
        await watch.pool.execute(
            "update bitcoin.output set first_seen_at = first_seen_at - interval '1 minute'"
        )
        await watch.verify(thief.id, tx.txid)
        await watch.rest(thief.id)
        assert await thief.kinds() == ["action_required"]
