"""Nonces of the account that pays, and reorganisations: no gap stays, nothing is paid twice.

Business rule: one nonce belongs to one withdrawal for ever, and every nonce ends in a block.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from cift_shared.database.lease import Lease
from cift_shared.errors import LeaseLost
from cift_shared.ids import SystemIds
from ethereum_watcher.ether_transfers import parse
from ethereum_watcher.nonce_gaps import NonceGaps
from tests.integration.ethereum_watcher.payout_harness import (
    HOT,
    Paying,
    capped,
    open_paying,
    stranger,
)
from tests.support.ethereum import ETHER
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database) as opened:
        yield opened


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(f"cift_ethereum_{name}_total") or 0


async def fillers(paying: Paying) -> int:
    return int(await paying.pool.fetchval("select count(*) from ethereum.payout where is_filler"))


async def refused_before_another(paying: Paying) -> tuple[UUID, UUID]:
    """A withdrawal with nonce 0 that the signer refuses, and a signed one with nonce 1."""
    paying.signer, _ = paying.another_signer(capped(transaction_max=ETHER // 2))
    refused = await paying.withdraw(ETHER)
    await paying.planned(refused)
    signed = await paying.withdraw(ETHER // 10)
    await paying.planned(signed)
    await paying.sign()
    await paying.reach(refused, "declined")
    return refused, signed


class TestGaps:
    async def test_a_gap_is_filled_by_a_transaction_to_ourselves(self, paying: Paying) -> None:
        await paying.fund()
        _, signed = await refused_before_another(paying)
        await paying.in_pool(signed)
        await paying.mined()
        assert paying.nonce() == 0
        await paying.fill()
        await paying.fill()
        await paying.settled(signed)
        assert paying.nonce() == 2
        [filler] = await paying.pool.fetch("select * from ethereum.payout where is_filler")
        assert (filler["nonce"], filler["wei"]) == (0, 0)
        assert paying.balance(HOT) > 5 * ETHER - ETHER // 10 - ETHER // 100

    async def test_the_fee_of_a_filler_is_booked_once_it_is_final(self, paying: Paying) -> None:
        await paying.fund()
        _, signed = await refused_before_another(paying)
        await paying.fill()
        await paying.fill()
        await paying.in_pool(signed)
        await paying.mined()
        assert await paying.charges() == []
        settled = await paying.settled(signed)
        (charge,) = await paying.charges()
        assert await paying.charges() == [charge]
        assert charge.provider_fee is not None
        assert charge.charged is not None
        assert charge.charged.cause == "nonce_filler"
        spent = 5 * ETHER - ETHER // 10 - paying.balance(HOT)
        assert charge.provider_fee.minor == spent - settled.provider_fee.minor

    async def test_a_filler_whose_block_is_undone_is_charged_where_it_ends(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        await refused_before_another(paying)
        await paying.fill()
        await paying.fill()
        await paying.mined()
        paying.node.reorg(1)
        await paying.read()
        await paying.final()
        assert await paying.charges() == []
        await paying.fill()
        await paying.mined()
        await paying.final()
        assert len(await paying.charges()) == 1

    async def test_who_has_lost_the_lease_charges_nothing(self, paying: Paying) -> None:
        await paying.fund()
        await refused_before_another(paying)
        await paying.fill()
        await paying.fill()
        await paying.mined()
        await paying.final()
        other = Lease("ethereum", "job:watch", paying.clock)
        await paying.pool.execute(
            "update ethereum.lease set ends_at = clock_timestamp() - interval '1 second'"
            " where name = 'job:watch'"
        )
        assert await other.take(paying.pool)
        with pytest.raises(LeaseLost):
            await paying.transfers.run(paying.lease)
        paying.lease = other
        assert len(await paying.charges()) == 1

    async def test_the_next_withdrawal_takes_the_nonce_of_a_gap(self, paying: Paying) -> None:
        await paying.fund()
        _, signed = await refused_before_another(paying)
        third = await paying.withdraw(ETHER // 10)
        await paying.in_pool(third)
        (row,) = await paying.planned(third)
        assert row["nonce"] == 0
        await paying.fill()
        assert await fillers(paying) == 0
        await paying.settled(signed)
        await paying.reach(third, "settled")

    async def test_without_a_later_transaction_nothing_is_filled(self, paying: Paying) -> None:
        await paying.fund()
        paying.signer, _ = paying.another_signer(capped(transaction_max=ETHER // 2))
        refused = await paying.withdraw(ETHER)
        await paying.planned(refused)
        await paying.sign()
        await paying.reach(refused, "declined")
        await paying.fill()
        assert await fillers(paying) == 0

    async def test_a_filler_that_is_stuck_is_replaced(self, emptied_database: str) -> None:
        async with open_paying(emptied_database, bump_after_blocks=1) as paying:
            await paying.fund()
            _, signed = await refused_before_another(paying)
            await paying.fill()
            await paying.fill()
            await paying.empty_blocks(1)
            await paying.fill()
            await paying.fill()
            filler = await paying.pool.fetchval(
                "select payment_id from ethereum.payout where is_filler"
            )
            assert len(await paying.planned(filler)) >= 2
            await paying.settled(signed)
            assert paying.nonce() == 2

    async def test_who_has_lost_the_lease_fills_nothing(self, paying: Paying) -> None:
        await paying.fund()
        await refused_before_another(paying)
        other = Lease("ethereum", "job:nonce_gaps", paying.clock)
        await paying.pool.execute(
            "update ethereum.lease set ends_at = clock_timestamp() - interval '1 second'"
            " where name = 'job:nonce_gaps'"
        )
        assert await other.take(paying.pool)
        late = NonceGaps(paying.context, SystemIds())
        with pytest.raises(LeaseLost):
            await late.run(paying.gap_lease)
        assert await fillers(paying) == 0
        paying.gap_lease = other

    async def test_a_plan_that_nobody_asks_about_any_more_gives_its_nonce_back(
        self, paying: Paying
    ) -> None:
        """An operator has ended the attempt before the signer looked at it."""
        await paying.fund()
        payment_id = await paying.withdraw(ETHER)
        await paying.planned(payment_id)

        async def ended() -> bool:
            """Between two claims: a claim that is at work would store its own state."""
            done = await paying.pool.fetchval(
                "update ethereum.attempt set state = 'review', next_check_at = null"
                " where payment_id = $1 and state = 'waiting' and lease_owner is null"
                " returning true",
                payment_id,
            )
            return bool(done)

        await eventually(ended, "the end of the attempt")
        await paying.sign()
        await paying.fill()
        nonce = await paying.pool.fetchval(
            "select nonce from ethereum.payout where payment_id = $1", payment_id
        )
        assert nonce is None


class TestStrangers:
    async def test_a_transaction_that_is_not_ours_stops_withdrawals(self, paying: Paying) -> None:
        await paying.fund()
        before = counted("foreign_transactions")
        raw, _ = stranger().sign(0, paying.somebody(), ETHER // 10)
        paying.node.send(raw)
        await paying.mined()
        await paying.fill()
        await paying.fill()
        assert counted("foreign_transactions") == before + 1
        assert await paying.spendable() == 0
        payment_id = await paying.withdraw()
        await paying.reach(payment_id, "noted")
        assert await paying.pool.fetchval("select count(*) from ethereum.payout") == 0

    async def test_an_operator_who_knows_of_it_lets_them_continue(
        self, emptied_database: str
    ) -> None:
        async with open_paying(emptied_database, known_nonce=0) as paying:
            await paying.fund()
            raw, _ = stranger().sign(0, paying.somebody(), ETHER // 10)
            paying.node.send(raw)
            await paying.mined()
            payment_id = await paying.withdraw()
            await paying.in_pool(payment_id)
            (row,) = await paying.planned(payment_id)
            assert row["nonce"] == 1
            await paying.settled(payment_id)

    async def test_a_nonce_that_a_stranger_used_is_not_paid_by_another(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        payment_id = await paying.withdraw()
        name = await paying.in_pool(payment_id)
        paying.node.node.pool.remove(bytes.fromhex(name[2:]))
        raw, _ = stranger().sign(0, paying.somebody(), ETHER // 10)
        paying.node.send(raw)
        await paying.mined()
        await paying.final()
        await paying.rest(payment_id)
        await paying.fill()
        assert await paying.kinds(payment_id) == ["submitted"]
        assert paying.balance() == 0
        assert len(await paying.planned(payment_id)) == 1


class TestReorganisations:
    async def test_a_transaction_that_an_undone_block_had_is_sent_again(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        payment_id = await paying.withdraw()
        name = await paying.in_pool(payment_id)
        await paying.mined(2)
        sent = len(paying.node.raws)
        paying.node.reorg(2)
        await paying.read()
        assert await paying.in_pool(payment_id) == name
        assert len(paying.node.raws) > sent
        await paying.settled(payment_id)
        assert paying.balance() == ETHER

    async def test_a_settled_withdrawal_is_sent_again_and_stays_completed(
        self, emptied_database: str
    ) -> None:
        async with open_paying(emptied_database, confirmations="1") as paying:
            await paying.fund()
            payment_id = await paying.withdraw()
            name = await paying.in_pool(payment_id)
            await paying.mined()
            await paying.reach(payment_id, "settled")
            before = counted("payouts_resent")
            paying.node.reorg(1)
            await paying.read()
            assert name not in paying.waiting()
            await paying.undone.run(paying.lease)
            assert name in paying.waiting()
            assert counted("payouts_resent") == before + 1
            await paying.mined()
            assert paying.balance() == ETHER
            assert (await paying.kinds(payment_id)).count("settled") == 1

    async def test_another_version_in_the_new_branch_is_the_same_payment(
        self, emptied_database: str
    ) -> None:
        over = {"confirmations": "1", "bump_after_blocks": 1}
        async with open_paying(emptied_database, **over) as paying:
            await paying.fund()
            payment_id = await paying.withdraw()
            await paying.in_pool(payment_id)
            first = paying.node.raws[-1]
            await paying.empty_blocks(1)
            await paying.in_pool(payment_id, versions=2)
            await paying.mined()
            await paying.reach(payment_id, "settled")
            paying.node.reorg(1)
            paying.node.send(first)
            await paying.mined()
            await paying.undone.run(paying.lease)
            assert paying.waiting() == []
            assert paying.balance() == ETHER

    async def test_the_nonces_of_undone_blocks_are_not_given_to_others(
        self, emptied_database: str
    ) -> None:
        async with open_paying(emptied_database, confirmations="1") as paying:
            await paying.fund()
            first = await paying.withdraw(ETHER // 10)
            await paying.in_pool(first)
            await paying.mined()
            await paying.reach(first, "settled")
            paying.node.reorg(1)
            await paying.read()
            second = await paying.withdraw(ETHER // 10)
            (row,) = await paying.planned(second)
            assert row["nonce"] == 1


async def test_withdrawals_at_the_same_time_share_out_nonces_and_ether(paying: Paying) -> None:
    await paying.fund(ETHER)
    await asyncio.gather(*[paying.withdraw(ETHER // 4) for _ in range(6)])

    async def tried() -> bool:
        await paying.make_due()
        states = await paying.pool.fetch("select submits, state from ethereum.attempt")
        return all(row["submits"] >= 2 or row["state"] == "waiting" for row in states)

    await eventually(tried, "every withdrawal tried")
    rows = await paying.pool.fetch("select unsigned from ethereum.spend")
    made = [parse(row["unsigned"]) for row in rows]
    assert sorted(one.nonce for one in made) == [0, 1, 2]
    assert sum(one.wei + one.fee_max for one in made) <= ETHER
