"""Blocks are replaced: nothing credited stays without its ether, nothing is credited twice.

Business rule: every change is a new report; no report is edited. What the nodes called final is
undone only after an operator has said so.
"""

import pytest

from chain_watch.fork import ReorgTooDeep
from cift_shared.errors import LeaseLost
from cift_shared.money.amount import Money
from tests.integration.ethereum_watcher.harness import Deposit, OpenWatch, Watching
from tests.support.ethereum import ETHER

pytestmark = pytest.mark.integration


async def settled(watch: Watching, *, by_contract: bool = False) -> tuple[Deposit, str]:
    """A deposit that is credited, and its transaction."""
    deposit = await watch.deposit(ETHER)
    transaction = deposit.pay(ETHER, by_contract=by_contract)
    await watch.mined()
    await watch.final()
    await deposit.reach("settled")
    return deposit, transaction


@pytest.mark.parametrize("depth", [1, 2, 6])
async def test_before_it_is_final_a_deposit_is_only_unseen(watch: Watching, depth: int) -> None:
    deposit = await watch.deposit(ETHER)
    transaction = deposit.pay(ETHER)
    await watch.mined(depth)
    await deposit.reach("submitted")
    watch.node.reorg(depth)
    await watch.read()
    gone = await deposit.reach("action_required", count=2)
    assert gone.next_action is not None
    assert gone.next_action["confirmations"] == "0"
    watch.node.again(transaction)
    await watch.mined()
    await watch.final()
    assert (await deposit.reach("settled")).provider_reference == transaction


@pytest.mark.parametrize("depth", [1, 3, 7])
async def test_credited_ether_that_is_gone_is_reversed_and_reinstated_again_and_again(
    opened: OpenWatch, depth: int
) -> None:
    async with opened(confirmations="1") as watch:
        deposit = await watch.deposit(ETHER)
        transaction = deposit.pay(ETHER)
        await watch.mined(depth)
        await deposit.reach("settled")
        for turn in (1, 2):
            watch.node.reorg(depth)
            await watch.read()
            told = [one for one in await watch.results(deposit.id) if one.kind == "reversed"]
            assert len(told) == turn
            assert told[-1].amount == Money(ETHER, "ETH")
            assert told[-1].reversal_reference == f"{transaction}#{turn}"
            watch.node.again(transaction)
            await watch.mined(depth)
            again = [one for one in await watch.results(deposit.id) if one.kind == "reinstated"]
            assert [one.reversal_reference for one in again][-1] == f"{transaction}#{turn}"
            assert len(again) == turn
        kinds = await deposit.kinds()
        assert kinds.count("settled") == 1
        assert kinds[-4:] == ["reversed", "reinstated"] * 2


async def test_ether_that_only_moves_to_another_block_is_left_alone(opened: OpenWatch) -> None:
    async with opened(confirmations="1") as watch:
        deposit = await watch.deposit(ETHER)
        transaction = deposit.pay(ETHER)
        await watch.mined()
        await deposit.reach("settled")
        watch.node.reorg(1, 1, drop=frozenset({bytes.fromhex(transaction[2:])}))
        watch.node.mine(2)
        await watch.read()
        assert (await deposit.kinds())[-1] == "settled"
        (row,) = await watch.arrivals()
        assert row["height"] == watch.node.height - 1


async def test_a_final_block_that_is_gone_stops_the_watcher(watch: Watching) -> None:
    deposit, _ = await settled(watch)
    before = await watch.cursor()
    watch.node.reorg(9, 12)
    with pytest.raises(ReorgTooDeep):
        await watch.read()
    assert await watch.cursor() == before
    assert (await deposit.kinds())[-1] == "settled"


async def test_an_operator_lets_final_blocks_be_undone(opened: OpenWatch) -> None:
    async with opened(undo_final=True) as watch:
        deposit, transaction = await settled(watch)
        watch.node.reorg(9, 9)
        await watch.read()
        reversed_ = await deposit.reach("reversed")
        assert reversed_.reversal_reference == f"{transaction}#1"
        watch.node.again(transaction)
        await watch.mined()
        await watch.final()
        assert (await deposit.kinds())[-1] == "reinstated"


async def test_ether_of_a_contract_that_is_gone_is_reversed_and_comes_as_new(
    opened: OpenWatch,
) -> None:
    """Its name is the block up to which the balance grew, so in another branch it is another."""
    async with opened(undo_final=True) as watch:
        deposit, _ = await settled(watch, by_contract=True)
        watch.node.reorg(10, 10)
        await watch.read()
        assert (await deposit.reach("reversed")).amount == Money(ETHER, "ETH")
        assert await watch.received() == []
        deposit.pay(ETHER, by_contract=True)
        await watch.mined()
        await watch.final()
        (again,) = await watch.received()
        assert again.amount == Money(ETHER, "ETH")
        assert again.received is not None
        assert again.received.related_payment_id == deposit.id


async def test_a_branch_with_fewer_blocks_is_followed(watch: Watching) -> None:
    """Proof of stake counts votes, not blocks: a shorter branch may be the chain."""
    await watch.mined(4)
    watch.node.reorg(4, 2)
    await watch.read()
    assert await watch.cursor() == (watch.node.height, watch.node.head)


async def test_a_node_that_is_behind_moves_nothing(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    deposit.pay(ETHER)
    await watch.mined(3)
    before = await watch.cursor()
    del watch.node.node.chain.active[-2:]
    await watch.read()
    assert await watch.cursor() == before
    assert len(await watch.arrivals()) == 1


async def test_a_reorganisation_beyond_the_limit_stops_the_watcher(opened: OpenWatch) -> None:
    async with opened(reorg_max=3) as watch:
        await watch.mined(6)
        before = await watch.cursor()
        for depth, blocks in ((4, 5), (5, 2)):
            watch.node.reorg(depth, blocks)
            with pytest.raises(ReorgTooDeep):
                await watch.read()
            assert await watch.cursor() == before


async def test_a_leader_that_was_paused_changes_nothing(watch: Watching) -> None:
    deposit = await watch.deposit(ETHER)
    late, lease = watch.another()
    await watch.pool.execute("update ethereum.lease set ends_at = now() where name = 'job:watch'")
    assert await lease.take(watch.pool)
    before = await watch.cursor()
    deposit.pay(ETHER)
    watch.node.mine(9)
    with pytest.raises(LeaseLost):
        await watch.read()
    assert await watch.cursor() == before
    assert await watch.arrivals() == []
    await late.run(lease)
    await deposit.reach("settled")


async def test_two_watchers_in_turn_report_once(watch: Watching) -> None:
    deposit, _ = await settled(watch)
    deposit.pay(ETHER)
    deposit.pay(ETHER, by_contract=True)
    await watch.mined()
    await watch.final()
    other, lease = watch.another()
    await watch.lease.release(watch.pool)
    assert await lease.take(watch.pool)
    await other.run(lease)
    assert len(await watch.received()) == 2
    assert (await deposit.kinds()).count("settled") == 1
