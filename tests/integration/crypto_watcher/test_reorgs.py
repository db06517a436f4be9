"""Blocks are replaced: nothing credited stays without its money, nothing is credited twice.

Business rule: every change is a new report; no report is edited.
"""

import pytest

from chain_watch.fork import ReorgTooDeep
from cift_shared.errors import LeaseLost
from cift_shared.money.amount import Money
from tests.integration.crypto_watcher.harness import Deposit, OpenWatch, Watch
from tests.support.bitcoin_chain import Tx

pytestmark = pytest.mark.integration


async def settled(watch: Watch, satoshi: int = 100_000) -> tuple[Deposit, Tx]:
    """A deposit that is credited, and its transaction, three blocks deep."""
    deposit = await watch.deposit(satoshi)
    tx = deposit.paid(satoshi)
    await watch.mined(tx, times=3)
    await deposit.reach("settled")
    return deposit, tx


@pytest.mark.parametrize("depth", [1, 2])
async def test_before_its_depth_a_deposit_is_only_unconfirmed_again(
    watch: Watch, depth: int
) -> None:
    deposit = await watch.deposit(100_000)
    tx = deposit.paid(100_000)
    await watch.mined(tx, times=depth)
    await deposit.reach("submitted")
    watch.node.reorg(depth, *[()] * (depth + 1))
    await watch.read()
    gone = await deposit.reach("action_required", count=2)
    assert gone.next_action is not None
    assert gone.next_action["confirmations"] == "0"
    assert watch.nodes[0].height == (await watch.cursor())[0]
    await watch.mined(tx, times=2)
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    await watch.mined()
    assert (await deposit.reach("settled")).provider_reference == f"{tx.txid}:0"


@pytest.mark.parametrize("depth", [3, 4, 6])
async def test_credited_money_that_is_gone_is_reversed_and_reinstated_again_and_again(
    watch: Watch, depth: int
) -> None:
    deposit, tx = await settled(watch)
    await watch.bury(depth - 3)
    for turn in (1, 2):
        watch.node.reorg(depth, *[()] * (depth + 1))
        await watch.read()
        told = await watch.results(deposit.id)
        reversed_ = [one for one in told if one.kind == "reversed"]
        assert len(reversed_) == turn
        assert reversed_[-1].amount == Money(100_000, "BTC")
        assert reversed_[-1].reversal_reference == f"{tx.txid}:0#{turn}"
        await watch.mined(tx, times=2)
        assert [one.kind for one in await watch.results(deposit.id)].count("reinstated") < turn
        await watch.mined()
        again = [one for one in await watch.results(deposit.id) if one.kind == "reinstated"]
        assert len(again) == turn
        assert again[-1].reversal_reference == f"{tx.txid}:0#{turn}"
        await watch.bury(depth - 3)
    kinds = await deposit.kinds()
    assert kinds.count("settled") == 1
    assert kinds[-4:] == ["reversed", "reinstated"] * 2


async def test_money_that_only_moves_to_another_block_is_left_alone(watch: Watch) -> None:
    deposit, tx = await settled(watch)
    watch.node.reorg(3, [], [tx], [], [])
    await watch.read()
    await watch.mined(times=3)
    assert (await deposit.kinds())[-1] == "settled"
    (row,) = await watch.arrivals()
    assert row["height"] == watch.node.height - 5


async def test_a_double_spend_in_the_new_branch_reverses_for_good(watch: Watch) -> None:
    deposit, _ = await settled(watch)
    watch.node.reorg(3, [], [], [], [])
    await watch.read()
    await watch.mined(times=5)
    assert (await deposit.kinds())[-1] == "reversed"


async def test_parked_money_is_reversed_and_reinstated_too(watch: Watch) -> None:
    deposit, _ = await settled(watch)
    extra = deposit.paid(50_000)
    await watch.mined(extra, times=3)
    (received,) = await watch.received()
    watch.node.reorg(3, [], [], [], [])
    await watch.read()
    await watch.mined(extra, times=3)
    assert await watch.kinds(received.payment_id) == ["received", "reversed", "reinstated"]
    assert len(await watch.received()) == 1


async def test_a_branch_with_the_same_work_changes_nothing(watch: Watch) -> None:
    deposit, _ = await settled(watch)
    before = await watch.cursor()
    watch.node.reorg(3, [], [], [])
    await watch.read()
    assert await watch.cursor() == before
    assert (await deposit.kinds())[-1] == "settled"


async def test_a_node_that_goes_back_moves_nothing(watch: Watch) -> None:
    deposit, _ = await settled(watch)
    before = await watch.cursor()
    del watch.node.chain[-3:]
    await watch.read()
    assert await watch.cursor() == before
    assert (await deposit.kinds())[-1] == "settled"


async def test_a_reorganisation_beyond_the_limit_stops_the_watcher(opened: OpenWatch) -> None:
    async with opened(reorg_max=5) as watch:
        await watch.mined(times=8)
        before = await watch.cursor()
        watch.node.reorg(6, *[()] * 7)
        with pytest.raises(ReorgTooDeep):
            await watch.read()
        assert await watch.cursor() == before


async def test_a_branch_that_comes_back_is_read_again(watch: Watch) -> None:
    await watch.mined(times=2)
    kept = list(watch.node.chain)
    watch.node.reorg(2, (), (), ())
    await watch.read()
    watch.node.chain = kept
    await watch.mined(times=2)
    assert (await watch.cursor())[1] == watch.node.chain[-1][0]


async def test_a_leader_that_was_paused_changes_nothing(watch: Watch) -> None:
    deposit = await watch.deposit(100_000)
    late, lease = watch.another()
    await watch.pool.execute("update bitcoin.lease set ends_at = now() where name = 'job:watch'")
    assert await lease.take(watch.pool)
    before = await watch.cursor()
    watch.node.mine(deposit.paid(100_000), times=3)
    with pytest.raises(LeaseLost):
        await watch.read()
    assert await watch.cursor() == before
    assert await watch.arrivals() == []
    await late.run(lease)
    await deposit.reach("settled")


async def test_two_watchers_in_turn_report_once(watch: Watch) -> None:
    deposit, _ = await settled(watch)
    await watch.mined(deposit.paid(50_000), times=3)
    other, lease = watch.another()
    await watch.lease.release(watch.pool)
    assert await lease.take(watch.pool)
    await other.run(lease)
    assert len(await watch.received()) == 1
    assert (await deposit.kinds()).count("settled") == 1
