"""Small coins put together, over PostgreSQL, the signer and the regtest node.

Business rule: it costs the network's fee and nothing else, happens once whoever dies, and takes no
coin from a withdrawal.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from bitcoin_watcher.consolidations import Consolidations
from bitcoin_watcher.transfer_store import Held
from cift_shared.errors import LeaseLost
from cift_shared.ids import SystemIds
from provider_sandbox.bitcoin.reorg import ReorgPlan, reorganise
from tests.integration.crypto_watcher.payout_harness import LIMITS, Paying, open_paying
from tests.integration.crypto_watcher.test_sweeps import Vault

pytestmark = pytest.mark.integration

SETTINGS = {
    "consolidate_fee_max": 10,
    "consolidate_coins": 2,
    "consolidate_satoshi": 60_000,
    "consolidate_every_s": 1,
}
SIGNING = replace(LIMITS, transfers_day_max=2)


class Small(Vault):
    """The hot wallet of a test, with its small coins."""

    def __init__(self, paying: Paying) -> None:
        super().__init__(paying)
        paying.signer, _ = paying.another_signer(SIGNING)
        self.consolidations = Consolidations(self.store, self.job._context, SystemIds())

    async def step(self) -> None:
        assert await self.paying.lease.renew(self.paying.pool)
        assert await self.paying.signer_lease.renew(self.paying.signer_pool)
        await self.consolidations.run(self.paying.lease)

    async def sign(self) -> None:
        assert await self.paying.signer_lease.renew(self.paying.signer_pool)
        await self.paying.signer.run(self.paying.signer_lease)

    async def planned(self) -> list[asyncpg.Record]:
        return await self.paying.pool.fetch(
            "select * from bitcoin.spend where transfer_id is not null order by created_at"
        )


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database, **SETTINGS) as opened:
        yield opened


async def test_small_coins_become_one(paying: Paying) -> None:
    await paying.fund(50_000, 40_000, 60_000, 60_001)
    small = Small(paying)
    await small.step()
    (row,) = await small.planned()
    assert (await small.store.held()).reserved == 150_000
    await small.sign()
    await small.step()
    assert row["txid"] in paying.real.pool.pooled
    await small.step()
    await paying.mine(3)
    await small.run()
    await small.run()
    (charge,) = await small.charges()
    assert charge["provider_fee"]["minor"] == str(row["fee"])
    assert charge["charged"]["cause"] == "consolidation"
    assert await small.store.held() == Held(210_001 - row["fee"], 0, 0)
    assert len(await small.planned()) == 1
    assert await paying.received() == []
    payment_id = await paying.withdraw(120_000)  # with the new coin
    await paying.in_mempool(payment_id)


@pytest.mark.parametrize(
    "over",
    [{"consolidate_fee_max": 0}, {"consolidate_fee_max": 9}, {"consolidate_coins": 3}],
    ids=["off", "the network is not cheap", "too few coins"],
)
async def test_otherwise_nothing_is_planned(emptied_database: str, over: dict[str, Any]) -> None:
    async with open_paying(emptied_database, **{**SETTINGS, **over}) as paying:
        await paying.fund(50_000, 40_000, 60_000)
        small = Small(paying)
        await small.step()
        assert await small.planned() == []


async def test_the_next_one_comes_later(emptied_database: str) -> None:
    settings = {**SETTINGS, "consolidate_every_s": 3_600}
    async with open_paying(emptied_database, **settings) as paying:
        await paying.fund(50_000, 40_000, 60_000)
        small = Small(paying)
        await small.step()
        await small.sign()
        await small.step()
        await paying.fund(50_000, 40_000, 60_000)
        await small.step()
        assert len(await small.planned()) == 1
        await paying.pool.execute(
            "update bitcoin.own_transfer set created_at = created_at - interval '2 hours'"
        )
        await small.step()
        assert len(await small.planned()) == 2


async def test_coins_that_a_withdrawal_has_reserved_are_not_taken(paying: Paying) -> None:
    await paying.fund(50_000, 40_000, 60_000)
    payment_id = await paying.withdraw(45_000)
    await paying.planned(payment_id)
    small = Small(paying)
    await small.step()
    assert await small.planned() == []


async def test_above_the_number_of_a_day_the_signer_waits(paying: Paying) -> None:
    await paying.fund(50_000, 40_000, 60_000)
    small = Small(paying)
    paying.signer, _ = paying.another_signer(replace(LIMITS, transfers_day_max=0))
    await small.step()
    await small.sign()
    await small.step()
    assert paying.real.pool.pooled == {}
    assert (await small.store.held()).reserved == 150_000


async def test_a_refused_one_gives_its_coins_back(paying: Paying) -> None:
    await paying.fund(50_000, 40_000, 60_000)
    small = Small(paying)
    paying.signer, _ = paying.another_signer(replace(SIGNING, fee_max=100))
    await small.step()
    await small.sign()
    await small.step()
    assert (await small.store.held()).reserved == 0
    assert paying.real.pool.pooled == {}
    payment_id = await paying.withdraw(120_000)
    await paying.planned(payment_id)


async def test_a_reorganisation_takes_it_back_and_it_is_sent_again(paying: Paying) -> None:
    await paying.fund(50_000, 40_000, 60_000)
    small = Small(paying)
    await small.step()
    await small.sign()
    await small.step()
    (row,) = await small.planned()
    await paying.mine(3)
    await small.run()
    drop = frozenset({row["txid"]})
    reorganise(paying.real, ReorgPlan(depth=3, blocks=4, drop=drop, forget=True))
    await paying.read()
    assert row["txid"] not in paying.real.pool.pooled
    await small.step()
    assert row["txid"] in paying.real.pool.pooled
    await paying.mine(3)
    await small.run()
    assert len(await small.charges()) == 1


async def test_a_node_that_does_not_answer_delays_it(paying: Paying) -> None:
    await paying.fund(50_000, 40_000, 60_000)
    small = Small(paying)
    await small.step()
    await small.sign()
    paying.endpoint.is_down = True
    await small.step()
    paying.endpoint.is_down = False
    await small.step()
    (row,) = await small.planned()
    assert row["txid"] in paying.real.pool.pooled


async def test_only_the_leader_plans(paying: Paying) -> None:
    await paying.fund(50_000, 40_000, 60_000)
    small = Small(paying)
    await paying.pool.execute("update bitcoin.lease set epoch = epoch + 1")
    with pytest.raises(LeaseLost):
        await small.consolidations.run(paying.lease)
    assert await small.planned() == []
