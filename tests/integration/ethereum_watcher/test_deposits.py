"""Ether deposits through the real engine and PostgreSQL, in front of a node over a real EVM.

Business rule: what the network can't undo any more is credited once, and nothing else is.
"""

from datetime import timedelta

import pytest

from cift_shared.money.amount import Money
from tests.integration.ethereum_watcher.harness import OpenWatch, Watching
from tests.support import ethereum
from tests.support.ethereum import ETHER

pytestmark = pytest.mark.integration


async def test_a_deposit_is_settled_once_its_block_is_final(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER + 1)
    assert deposit.address == ethereum.FIRST
    transaction = deposit.pay(ETHER + 1)
    await watch.mined()
    seen = (await deposit.reach("submitted")).next_action
    assert seen is not None
    assert (seen["confirmations"], seen["confirmations_required"]) == ("1", "finalized")
    assert seen["received"] == "1.000000000000000001"
    assert seen["uri"] == f"ethereum:{ethereum.FIRST}@31337?value=1000000000000000001"
    await watch.mined(7)
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    await watch.mined()
    settled = await deposit.reach("settled")
    assert settled.amount == Money(ETHER + 1, "ETH")
    assert settled.provider_reference == transaction
    await watch.final()
    assert (await deposit.kinds()).count("settled") == 1
    assert await watch.received() == []


async def test_a_number_of_blocks_credits_where_it_is_set(opened: OpenWatch) -> None:
    async with opened(confirmations="3") as watch:
        deposit = await watch.deposit()
        deposit.pay(ETHER)
        await watch.mined(2)
        await watch.rest(deposit.id)
        assert "settled" not in await deposit.kinds()
        await watch.mined()
        await deposit.reach("settled")


async def test_a_repeated_command_gets_the_same_address(watch: Watching) -> None:
    command = ethereum.deposit(clock=watch.clock)
    await watch.send(command)
    first = await watch.reach(command.payment_id, "action_required")
    await watch.send(command)
    again = await watch.reach(command.payment_id, "action_required", count=2)
    assert again.next_action == first.next_action
    other = await watch.deposit()
    assert first.next_action is not None
    assert other.address != first.next_action["address"]


async def test_too_little_waits_for_the_rest_until_the_time_is_over(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    deposit.pay(ETHER // 2)
    await watch.mined()
    await watch.final()
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    watch.clock.advance(timedelta(seconds=3700))
    await watch.read()
    assert (await deposit.reach("settled")).amount == Money(ETHER // 2, "ETH")


async def test_two_parts_are_one_settlement_and_too_much_is_credited_whole(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    deposit.pay(ETHER // 2)
    await watch.mined()
    deposit.pay(ETHER)
    await watch.mined()
    await watch.final()
    assert (await deposit.reach("settled")).amount == Money(ETHER // 2 + ETHER, "ETH")


async def test_a_failed_transaction_moves_nothing(watch: Watching) -> None:
    """The transaction names the address and a value, and its receipt says that it failed."""
    deposit = await watch.deposit(ETHER)
    transaction = deposit.pay(ETHER)
    watch.node.lies["eth_getTransactionReceipt"] = lambda _, r: {**r, "status": "0x0"}
    watch.node.lies["eth_getBalance"] = lambda *_: "0x0"
    await watch.mined()
    await watch.final()
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required"]
    assert transaction not in [row["hash"] for row in await watch.arrivals()]


async def test_nothing_in_time_expires_and_late_ether_is_reported(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    watch.clock.advance(timedelta(seconds=3601))
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required"]  # the chain was not read since
    await watch.read()
    await deposit.reach("expired")
    transaction = deposit.pay(ETHER)
    await watch.mined()
    assert await watch.received() == []
    await watch.final()
    (late,) = await watch.received()
    assert late.amount == Money(ETHER, "ETH")
    assert late.provider_reference == transaction
    assert late.received is not None
    assert late.received.related_payment_id == deposit.id
    await watch.final()
    assert len(await watch.received()) == 1


async def test_dust_is_recorded_and_credited_to_nobody(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    deposit.pay(watch.config.dust - 1)
    await watch.mined()
    await watch.final()
    watch.clock.advance(timedelta(seconds=3700))
    await watch.read()
    await deposit.reach("expired")
    await watch.read()
    assert await watch.received() == []
    (row,) = await watch.arrivals()
    assert int(row["wei"]) == watch.config.dust - 1


async def test_amounts_are_exact_to_the_wei(watch: Watching) -> None:
    wei = 123_456_789 * ETHER + 987_654_321_012_345_679
    deposit = await watch.deposit(wei)
    deposit.pay(wei)
    await watch.mined()
    await watch.final()
    told = (await deposit.reach("settled")).amount
    assert told is not None
    assert told.minor == wei


async def test_deposits_to_a_shared_address_are_matched_by_the_named_transaction(
    opened: OpenWatch,
) -> None:
    async with opened(xpub=None, deposit_address=ethereum.SHARED) as watch:
        first, second = await watch.deposit(), await watch.deposit()
        assert first.address == second.address == ethereum.SHARED
        transaction = first.pay(ETHER)
        await watch.mined()
        await watch.final()
        await watch.verify(first.id, transaction.upper().replace("0X", "0x"))
        settled = await first.reach("settled")
        assert settled.provider_reference == transaction
        await watch.verify(second.id, transaction)
        await watch.verify(second.id, "not a transaction")
        await watch.rest(second.id)
        assert "settled" not in await second.kinds()
        other = second.pay(2 * ETHER)
        await watch.mined()
        await watch.final()
        watch.clock.advance(timedelta(days=1))
        await watch.read()
        (parked,) = await watch.received()
        assert parked.provider_reference == other
        assert parked.received is not None
        assert parked.received.related_payment_id is None
