"""Ether of deposits is moved to the account that pays, over PostgreSQL, the signer and a real EVM.

Business rule: it costs the network's fee and nothing else, happens once whoever dies, and changes
nothing of what customers are credited.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from cift_shared.database.lease import Lease
from cift_shared.errors import LeaseLost
from ethereum_watcher.ether_transfers import parse, unsigned_bytes
from tests.integration.ethereum_watcher.harness import Deposit
from tests.integration.ethereum_watcher.payout_harness import (
    HOT,
    LIMITS,
    Paying,
    capped,
    open_paying,
)
from tests.support import ethereum_wallet
from tests.support.ethereum import ETHER
from tests.support.ethereum_keys import Wallet

pytestmark = pytest.mark.integration

SETTINGS = {"consolidate_worth": 10}


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database, **SETTINGS) as opened:
        yield opened


async def deposited(paying: Paying, wei: int = ETHER) -> Deposit:
    """A deposit that is credited, whose ether is final at its address."""
    deposit = await paying.deposit(wei)
    deposit.pay(wei)
    await paying.mined()
    await paying.final()
    await deposit.reach("settled")
    return deposit


async def plans(paying: Paying) -> list[asyncpg.Record]:
    return await paying.pool.fetch(
        "select * from ethereum.payout where index is not null order by created_at, nonce"
    )


async def versions(paying: Paying) -> list[asyncpg.Record]:
    return await paying.pool.fetch(
        "select s.* from ethereum.spend s join ethereum.payout p using (payment_id)"
        " where p.index is not null order by s.created_at, s.version"
    )


async def mined_to_the_end(paying: Paying) -> None:
    await paying.mined()
    await paying.final()


async def balanced(paying: Paying, deposits: int) -> None:
    """The watcher has found no ether but that of the deposits, and misses none."""
    await mined_to_the_end(paying)
    assert await paying.received() == []
    assert len(await paying.arrivals()) == deposits


async def test_what_a_deposit_has_left_pays_withdrawals(paying: Paying) -> None:
    deposit = await deposited(paying)
    await paying.consolidate(2)
    (row,) = await versions(paying)
    planned = parse(row["unsigned"])
    assert planned.ether_max == ETHER
    assert len(paying.waiting()) == 1
    await paying.mined()
    assert await paying.charges() == []
    await paying.final()
    (charge,) = await paying.charges()
    assert charge.provider_fee is not None
    assert charge.charged is not None
    assert charge.charged.cause == "consolidation"
    assert paying.balance(HOT) == planned.wei
    fee = charge.provider_fee.minor
    assert paying.balance(deposit.address) == ETHER - planned.wei - fee
    assert await paying.charges() == [charge]
    await paying.consolidate(2)
    assert len(await plans(paying)) == 1
    await balanced(paying, 1)
    payment_id = await paying.withdraw(ETHER // 2)
    await paying.in_pool(payment_id)
    await paying.settled(payment_id)


@pytest.mark.parametrize(
    ("over", "wei"),
    [({"consolidate_worth": 0}, ETHER), ({}, ETHER // 1_000), ({"payout_fee_max": 21_000}, ETHER)],
    ids=["off", "not worth it", "the fee is above its limit"],
)
async def test_otherwise_nothing_is_planned(
    emptied_database: str, over: dict[str, Any], wei: int
) -> None:
    settings = {**SETTINGS, "fee_floor": "40", "fee_ceiling": "40", **over}
    async with open_paying(emptied_database, **settings) as paying:
        await deposited(paying, wei)
        await paying.consolidate()
        assert await plans(paying) == []


async def test_only_final_credited_ether_is_moved(paying: Paying) -> None:
    deposit = await paying.deposit(2 * ETHER)
    deposit.pay(ETHER)
    await paying.mined()
    await paying.consolidate()
    assert await plans(paying) == []  # not final
    await paying.final()
    await paying.consolidate()
    assert await plans(paying) == []  # final, but its deposit waits for the rest
    deposit.pay(ETHER)
    await paying.mined()
    await paying.final()
    await deposit.reach("settled")
    await paying.consolidate()
    assert len(await plans(paying)) == 1


async def test_without_a_signer_nothing_is_planned(paying: Paying) -> None:
    await deposited(paying)
    await paying.let_the_lease_expire()
    await paying.consolidations.run(paying.lease)
    assert await plans(paying) == []


async def test_each_address_has_nonces_of_its_own(paying: Paying) -> None:
    deposits = [await deposited(paying, wei) for wei in (ETHER, 2 * ETHER, 3 * ETHER)]
    await paying.consolidate(2)
    assert [row["nonce"] for row in await plans(paying)] == [0, 0, 0]
    await mined_to_the_end(paying)
    assert len(await paying.charges()) == 3
    assert paying.balance(HOT) > 5 * ETHER
    await balanced(paying, len(deposits))


async def test_what_comes_meanwhile_stays_and_is_moved_later(paying: Paying) -> None:
    deposit = await deposited(paying)
    await paying.consolidate(2)
    deposit.pay(2 * ETHER)
    await paying.mined()
    await paying.consolidate(2)
    assert len(await plans(paying)) == 1
    assert paying.balance(deposit.address) >= 2 * ETHER
    await paying.final()
    assert len(await paying.charges()) == 1
    await paying.consolidate(2)
    first, second = await plans(paying)
    assert (first["nonce"], second["nonce"]) == (0, 1)
    await mined_to_the_end(paying)
    assert len(await paying.charges()) == 2
    assert paying.balance(HOT) > 3 * ETHER - ETHER // 100
    (late,) = await paying.received()
    assert late.amount is not None
    assert late.amount.minor == 2 * ETHER


async def test_ether_of_a_contract_is_found_although_it_is_moved(paying: Paying) -> None:
    """It arrives while the balance of the address changes for another reason."""
    deposit = await deposited(paying)
    deposit.pay(2 * ETHER, by_contract=True)
    await paying.consolidate(2)
    await mined_to_the_end(paying)
    (late,) = await paying.received()
    assert late.amount is not None
    assert late.amount.minor == 2 * ETHER


class TestStuck:
    async def test_a_higher_fee_is_taken_from_what_is_moved(self, emptied_database: str) -> None:
        async with open_paying(emptied_database, bump_after_blocks=2, **SETTINGS) as paying:
            deposit = await deposited(paying)
            await paying.consolidate(2)
            await paying.empty_blocks(2)
            await paying.consolidate(2)
            first, second = (parse(row["unsigned"]) for row in await versions(paying))
            assert second.max_fee > first.max_fee
            assert second.ether_max == first.ether_max == ETHER
            assert second.nonce == first.nonce
            await mined_to_the_end(paying)
            (charge,) = await paying.charges()
            assert charge.provider_fee is not None
            assert paying.balance(HOT) == second.wei
            left = ETHER - second.wei - charge.provider_fee.minor
            assert paying.balance(deposit.address) == left
            await balanced(paying, 1)

    async def test_a_node_that_has_lost_it_gets_the_same_bytes_again(self, paying: Paying) -> None:
        await deposited(paying)
        await paying.consolidate(2)
        (name,) = paying.waiting()
        paying.node.node.pool.remove(bytes.fromhex(name[2:]))
        await paying.consolidate()
        assert paying.waiting() == [name]
        assert len(set(paying.node.raws)) == 1

    async def test_a_node_that_is_down_loses_nothing(self, paying: Paying) -> None:
        await deposited(paying)
        await paying.consolidate()
        paying.node.is_down = True
        await paying.consolidate()
        assert paying.waiting() == []
        paying.node.is_down = False
        await paying.consolidate()
        assert len(paying.waiting()) == 1


class TestReorganisations:
    async def test_a_block_that_is_undone_moves_it_once(self, paying: Paying) -> None:
        await deposited(paying)
        await paying.consolidate(2)
        await paying.mined(2)
        paying.node.reorg(2, 3)
        await paying.read()
        assert await paying.charges() == []
        await paying.consolidate(2)
        assert len(set(paying.node.raws)) == 1
        await mined_to_the_end(paying)
        assert len(await paying.charges()) == 1
        assert len(await plans(paying)) == 1
        await balanced(paying, 1)

    async def test_final_blocks_that_are_undone_charge_it_once(self, emptied_database: str) -> None:
        async with open_paying(emptied_database, undo_final=True, **SETTINGS) as paying:
            await deposited(paying)
            await paying.consolidate(2)
            await mined_to_the_end(paying)
            assert len(await paying.charges()) == 1
            paying.node.reorg(9, 10)
            await paying.read()
            await paying.undone.run(paying.lease)
            await paying.consolidate(2)
            await mined_to_the_end(paying)
            assert len(await paying.charges()) == 1
            assert len(await plans(paying)) == 1
            assert paying.balance(HOT) > ETHER - ETHER // 100
            await balanced(paying, 1)


class TestSigner:
    async def test_what_it_refuses_is_planned_again_another_day(self, paying: Paying) -> None:
        await deposited(paying)
        paying.signer, _ = paying.another_signer(replace(LIMITS, fee_max=1))
        await paying.consolidate(2)
        (row,) = await plans(paying)
        assert row["nonce"] is None
        await paying.mined()
        await paying.final()
        await paying.consolidate()
        assert len(await plans(paying)) == 1
        await paying.pool.execute(
            "update ethereum.payout set created_at = created_at - interval '25 hours'"
        )
        paying.signer, _ = paying.another_signer()
        await paying.mined()
        await paying.consolidate(2)
        assert [one["nonce"] for one in await plans(paying)] == [None, 0]
        await mined_to_the_end(paying)
        assert len(await paying.charges()) == 1

    async def test_a_plan_that_pays_somebody_else_is_not_signed(self, paying: Paying) -> None:
        """Whoever can write the watcher's tables."""
        await deposited(paying)
        await paying.lease.renew(paying.pool)
        await paying.consolidations.run(paying.lease)
        (row,) = await versions(paying)
        other = bytes.fromhex(paying.somebody()[2:])
        changed = unsigned_bytes(replace(parse(row["unsigned"]), account=other))
        await paying.pool.execute("update ethereum.spend set unsigned = $1", changed)
        await paying.pool.execute("update ethereum.payout set account = $1", other)
        await paying.sign()
        assert await _refusals(paying) == ["not_to_ourselves"]

    async def test_a_sender_that_is_not_of_the_index_is_not_signed(self, paying: Paying) -> None:
        await deposited(paying)
        await paying.deposit()
        await paying.lease.renew(paying.pool)
        await paying.consolidations.run(paying.lease)
        (row,) = await plans(paying)
        await paying.pool.execute("update ethereum.payout set index = $1", row["index"] + 1)
        await paying.sign()
        assert await _refusals(paying) == ["foreign_sender"]

    async def test_above_the_cap_of_the_day_it_waits_and_holds_back_no_withdrawal(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        await deposited(paying)
        cap = ETHER // 10 + 10**12
        paying.signer, _ = paying.another_signer(capped(day_max=cap))
        payment_id = await paying.withdraw(ETHER // 10)
        await paying.in_pool(payment_id)
        await paying.consolidate()
        assert await _refusals(paying) == []
        assert len(paying.waiting()) == 1
        await paying.settled(payment_id)
        paying.signer, _ = paying.another_signer()
        await paying.consolidate(2)
        await mined_to_the_end(paying)
        assert len(await paying.charges()) == 1


async def test_who_has_lost_the_lease_plans_and_ends_nothing(paying: Paying) -> None:
    await deposited(paying)
    late, other = paying.another_consolidation(), Lease("ethereum", "job:watch", paying.clock)
    await paying.pool.execute(
        "update ethereum.lease set ends_at = clock_timestamp() - interval '1 second'"
        " where name = 'job:watch'"
    )
    assert await other.take(paying.pool)
    with pytest.raises(LeaseLost):
        await late.run(paying.lease)
    assert await plans(paying) == []
    paying.lease = other
    await paying.consolidate(2)
    assert len(await plans(paying)) == 1


async def test_two_that_plan_at_once_make_one_plan(paying: Paying) -> None:
    await deposited(paying)
    await paying.consolidations.run(paying.lease)
    await paying.another_consolidation().run(paying.lease)
    assert len(await plans(paying)) == 1


async def test_a_nonce_that_somebody_else_has_used_ends_it(paying: Paying) -> None:
    """The operator has moved the ether with another wallet meanwhile."""
    deposit = await deposited(paying)
    await paying.consolidate(2)
    (name,) = paying.waiting()
    paying.node.node.pool.remove(bytes.fromhex(name[2:]))
    index = (await plans(paying))[0]["index"]
    other = Wallet(int.from_bytes(ethereum_wallet.ACCOUNT.deposit_key(index)))
    raw, _ = other.sign(0, paying.somebody(), ETHER // 10)
    paying.node.send(raw)
    await paying.mined()
    await paying.consolidate(2)
    assert len(paying.waiting()) == 0
    await paying.final()
    await paying.consolidate(2)
    (row,) = await plans(paying)
    assert row["has_failed"]
    assert await paying.charges() == []
    assert paying.balance(deposit.address) > ETHER // 2


async def test_one_that_failed_in_its_block_costs_its_fee(paying: Paying) -> None:
    await deposited(paying)
    await paying.consolidate(2)
    paying.node.lies["eth_getTransactionReceipt"] = lambda _, told: {**told, "status": "0x0"}
    await mined_to_the_end(paying)
    (charge,) = await paying.charges()
    assert charge.provider_fee is not None
    assert charge.provider_fee.minor > 0
    (row,) = await plans(paying)
    assert row["has_failed"]


async def test_addresses_of_another_key_are_left_alone(paying: Paying) -> None:
    await deposited(paying)
    account = bytes.fromhex(paying.somebody()[2:])
    await paying.pool.execute("update ethereum.address set script = $1", account)
    await paying.consolidate()
    assert await plans(paying) == []


async def _refusals(paying: Paying) -> list[str]:
    rows = await paying.pool.fetch("select reason from ethereum_signer.refusal")
    return [row["reason"] for row in rows]
