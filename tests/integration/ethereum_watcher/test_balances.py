"""Ether that a contract passes on is in no transaction to the address; its balance shows it.

Business rule: it is credited like any other ether, once, and what leaves an address by a
transaction of its own hides none of it.
"""

from datetime import timedelta

import pytest

from cift_shared.money.amount import Money
from tests.integration.ethereum_watcher.harness import Deposit, OpenWatch, TestNode, Watching
from tests.support.ethereum import ETHER, FIRST, FIRST_KEY, SHARED
from tests.support.ethereum_keys import Wallet

pytestmark = pytest.mark.integration


async def by_contract(watch: Watching, wei: int = ETHER) -> Deposit:
    """A deposit that a contract has paid, credited."""
    deposit = await watch.deposit(wei)
    deposit.pay(wei, by_contract=True)
    await watch.mined()
    await watch.final()
    await deposit.reach("settled")
    return deposit


async def test_ether_from_a_contract_is_credited_once_it_is_final(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    deposit.pay(ETHER, by_contract=True)
    await watch.mined(8)
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required"]
    await watch.mined()
    settled = await deposit.reach("settled")
    assert settled.amount == Money(ETHER, "ETH")
    (row,) = await watch.arrivals()
    assert settled.provider_reference == f"{row['block_hash']}:0"
    await watch.final()
    assert await watch.received() == []


async def test_both_ways_to_one_address_are_counted_once_each(watch: Watching) -> None:
    deposit = await watch.deposit(3 * ETHER)
    deposit.pay(777)
    deposit.pay(ETHER, by_contract=True)
    deposit.pay(2 * ETHER)
    await watch.mined()
    await watch.final()
    settled = await deposit.reach("settled")
    assert settled.amount == Money(3 * ETHER, "ETH")  # 777 wei are dust
    assert sorted(int(row["wei"]) for row in await watch.arrivals()) == [777, ETHER, 2 * ETHER]


async def test_more_from_a_contract_is_reported_when_the_deposit_has_ended(watch: Watching) -> None:
    deposit = await by_contract(watch)
    deposit.pay(2 * ETHER, by_contract=True)
    await watch.mined()
    await watch.final()
    (more,) = await watch.received()
    assert more.amount == Money(2 * ETHER, "ETH")
    assert more.received is not None
    assert more.received.related_payment_id == deposit.id


async def test_what_the_owner_moves_away_hides_nothing_that_comes(watch: Watching) -> None:
    deposit = await by_contract(watch, 3 * ETHER)
    owner = Wallet(FIRST_KEY)
    assert owner.address == deposit.address
    raw, _ = owner.sign(0, SHARED, 2 * ETHER)
    watch.node.send(raw)
    deposit.pay(ETHER, by_contract=True)
    await watch.mined()
    await watch.final()
    (more,) = await watch.received()
    assert more.amount == Money(ETHER, "ETH")


async def test_what_the_owner_sends_is_not_undone_for_ever(opened: OpenWatch) -> None:
    """A spending in a block that is undone explains nothing; in the new branch it does again."""
    async with opened(confirmations="1") as watch:
        deposit = await by_contract(watch, 3 * ETHER)
        raw, _ = Wallet(FIRST_KEY).sign(0, SHARED, 2 * ETHER)
        watch.node.send(raw)
        await watch.mined()
        watch.node.reorg(1, 2)
        await watch.read()
        deposit.pay(ETHER, by_contract=True)
        watch.node.send(raw)
        await watch.mined()
        await watch.final()
        (more,) = await watch.received()
        assert more.amount == Money(ETHER, "ETH")


async def test_a_balance_of_before_is_not_the_customers(opened: OpenWatch, node: TestNode) -> None:
    """The key was used with another database: the first address has ether already."""
    node.pay(FIRST, 5 * ETHER)
    node.mine(9)
    async with opened() as watch:
        deposit = await watch.deposit(ETHER)
        deposit.pay(ETHER, by_contract=True)
        await watch.mined()
        await watch.final()
        assert (await deposit.reach("settled")).amount == Money(ETHER, "ETH")


async def test_an_address_is_compared_for_its_time_only(watch: Watching) -> None:
    deposit = await by_contract(watch)
    watch.clock.advance(timedelta(days=31))
    deposit.pay(ETHER, by_contract=True)
    deposit.pay(2 * ETHER)
    await watch.mined()
    await watch.final()
    (received,) = await watch.received()
    assert received.amount == Money(2 * ETHER, "ETH")


async def test_a_balance_that_nodes_do_not_agree_on_is_not_credited(
    opened: OpenWatch, node: TestNode
) -> None:
    liar = TestNode(node.node)
    async with opened([node, liar]) as watch:
        deposit = await watch.deposit(ETHER)
        liar.lies["eth_getBalance"] = lambda *_: hex(9 * ETHER)
        node.mine(9)
        with pytest.raises(Exception, match="must be the same"):
            await watch.read()
        assert await watch.arrivals() == []
        liar.lies.clear()
        deposit.pay(ETHER, by_contract=True)
        await watch.mined()
        await watch.final()
        assert (await deposit.reach("settled")).amount == Money(ETHER, "ETH")
