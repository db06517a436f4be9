"""Sweeps of the hot wallet over PostgreSQL and the regtest node.

Business rule: what the hot wallet has above its ceiling goes to the cold address with an operator's
signature; no payout takes its coins meanwhile, and the ledger learns the network's fee once.
"""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bitcoin_watcher.chain_store import TABLES
from bitcoin_watcher.own_transfers import HOT, OwnTransfers
from bitcoin_watcher.payout_context import WalletContext
from bitcoin_watcher.payout_store import StoredPayouts
from bitcoin_watcher.sweeps import SweepRefused, Sweeps
from bitcoin_watcher.transfer_store import Held, StoredTransfers, Sweep
from chain_watch.deposit_store import StoredDeposits
from cift_shared.errors import LeaseLost, SettingsInvalid
from cift_shared.ids import SystemIds
from provider_sandbox.bitcoin.reorg import ReorgPlan, reorganise
from tests.integration.crypto_watcher.payout_harness import Paying, open_paying
from tests.support import bitcoin
from tests.unit.crypto_watcher.test_psbt import account, signed

pytestmark = pytest.mark.integration

COLD = bitcoin.SHARED
LIMITS = {"deposit_address": COLD, "hot_floor": 1_000_000, "hot_ceiling": 3_000_000}


class Vault:
    """The hot wallet of a test, as the operator and the watcher's job see it."""

    def __init__(self, paying: Paying) -> None:
        self.paying = paying
        self.store = StoredTransfers(paying.pool)
        context = WalletContext(
            config=paying.config,
            store=StoredPayouts(paying.pool),
            deposits=StoredDeposits(paying.pool, TABLES),
            nodes=paying.clients,
            clock=paying.clock,
            key=paying.config.key() or pytest.fail("no key"),
        )
        self.sweeps = Sweeps(context, self.store, SystemIds())
        self.job = OwnTransfers(self.store, context)

    async def run(self) -> None:
        assert await self.paying.lease.renew(self.paying.pool)
        await self.job.run(self.paying.lease)

    async def proposed(self) -> Sweep:
        found = await self.sweeps.propose()
        assert found is not None
        return found

    async def send(self, sweep: Sweep) -> None:
        """Sign it with the wallet's seed, elsewhere, and send it."""
        raw = signed(sweep.psbt, account())
        await self.paying.clients[0].send(raw)
        assert sweep.txid in self.paying.real.pool.pooled

    async def charges(self) -> list[dict[str, Any]]:
        rows = await self.paying.pool.fetch("select body from bitcoin.outbox order by id")
        told = [json.loads(row["body"]) for row in rows]
        return [one for one in told if one["kind"] == "charged"]


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database, **LIMITS) as opened:
        yield opened


async def test_what_is_above_the_ceiling_goes_to_the_cold_address(paying: Paying) -> None:
    await paying.fund(4_000_000, 500_000)
    vault = Vault(paying)
    sweep = await vault.proposed()
    assert sweep.satoshi + sweep.fee == 2_500_000
    assert await vault.store.held() == Held(4_500_000, 0, 4_000_000)
    await vault.send(sweep)
    await paying.read()
    assert await vault.store.held() == Held(4_500_000, 1_500_000, 4_000_000)
    await paying.mine(2)
    await vault.run()
    assert await vault.charges() == []
    await paying.mine()
    await vault.run()
    await vault.run()
    (charge,) = await vault.charges()
    assert charge["provider_fee"] == {"minor": str(sweep.fee), "currency": "BTC"}
    assert (charge["provider_reference"], charge["charged"]["cause"]) == (sweep.txid, "sweep")
    assert paying.paid(COLD) == [sweep.satoshi]
    assert await vault.store.held() == Held(2_000_000, 0, 0)
    assert HOT.labels("free")._value.get() == 2_000_000
    assert await vault.sweeps.propose() is None


async def test_no_payout_takes_its_coins(paying: Paying) -> None:
    await paying.fund(4_000_000)
    vault = Vault(paying)
    sweep = await vault.proposed()
    payment_id = await paying.withdraw(500_000)
    await paying.reach(payment_id, "noted")
    assert await paying.pool.fetch("select from bitcoin.payout") == []
    await vault.send(sweep)
    await paying.mine(3)
    await paying.in_mempool(payment_id)  # with the change of the sweep
    await paying.mine(3)
    await paying.result(payment_id, "settled")
    assert paying.paid() == [500_000]


async def test_a_repeated_proposal_is_the_same(paying: Paying) -> None:
    await paying.fund(4_000_000, 4_000_000)
    vault = Vault(paying)
    first = await vault.proposed()
    assert await vault.proposed() == first
    await vault.send(first)
    await paying.read()
    again = await vault.proposed()
    assert (again.txid, again.is_seen) == (first.txid, True)


async def test_up_to_the_ceiling_nothing_is_proposed(paying: Paying) -> None:
    await paying.fund(3_000_000)
    assert await Vault(paying).sweeps.propose() is None


async def test_released_its_coins_pay_again(paying: Paying) -> None:
    await paying.fund(4_000_000)
    vault = Vault(paying)
    sweep = await vault.proposed()
    await vault.sweeps.release(sweep.txid)
    with pytest.raises(SweepRefused, match="released before"):
        await vault.sweeps.release(sweep.txid)
    with pytest.raises(SweepRefused, match="no sweep"):
        await vault.sweeps.release("00" * 32)
    payment_id = await paying.withdraw(500_000)
    await paying.in_mempool(payment_id)


async def test_it_expires_unless_it_was_sent(paying: Paying) -> None:
    await paying.fund(4_000_000)
    vault = Vault(paying)
    await vault.proposed()
    paying.clock.advance(timedelta(seconds=paying.config.sweep_expires_s - 1))
    await vault.run()
    assert (await vault.store.held()).reserved == 4_000_000
    paying.clock.advance(timedelta(seconds=2))
    await vault.run()
    assert (await vault.store.held()).reserved == 0
    second = await vault.proposed()
    await vault.send(second)
    with pytest.raises(SweepRefused, match="spends its coins"):
        await vault.sweeps.release(second.txid)
    paying.clock.advance(timedelta(days=2))
    await vault.run()  # not read yet, but its coins are spent
    assert (await vault.store.held()).reserved == 4_000_000
    await paying.read()
    await vault.run()
    assert (await vault.store.held()).reserved == 4_000_000


async def test_mined_after_its_release_its_coins_are_spent(paying: Paying) -> None:
    await paying.fund(4_000_000)
    vault = Vault(paying)
    sweep = await vault.proposed()
    await vault.sweeps.release(sweep.txid)
    await vault.send(sweep)
    await paying.mine(3)
    await vault.run()
    assert await vault.store.held() == Held(2_000_000, 0, 0)
    assert len(await vault.charges()) == 1


async def test_a_reorganisation_takes_it_back_and_it_is_charged_once(paying: Paying) -> None:
    await paying.fund(4_000_000)
    vault = Vault(paying)
    sweep = await vault.proposed()
    await vault.send(sweep)
    await paying.mine(3)
    await vault.run()
    reorganise(paying.real, ReorgPlan(depth=3, blocks=4, drop=frozenset({sweep.txid})))
    await paying.read()
    await vault.run()
    assert (await vault.store.held()).reserved == 4_000_000
    await paying.mine(3)
    await vault.run()
    assert len(await vault.charges()) == 1
    assert (await vault.store.held()).confirmed == 2_000_000


async def test_an_address_that_deposits_shared_before_gets_no_deposit(
    emptied_database: str,
) -> None:
    """The cold address was the address of all deposits before there was a key."""
    async with open_paying(emptied_database, **LIMITS) as paying:
        shared = bitcoin.config(xpub=None, deposit_address=COLD).shared
        assert shared is not None
        await paying.deposits.share(shared)
        await paying.fund(4_000_000)
        vault = Vault(paying)
        sweep = await vault.proposed()
        await vault.send(sweep)
        await paying.read()
        await paying.mine(3)
        outputs = await paying.pool.fetch("select address from bitcoin.output")
        assert COLD not in {row["address"] for row in outputs}
        assert await paying.received() == []


async def test_only_the_leader_charges(paying: Paying) -> None:
    await paying.fund(4_000_000)
    vault = Vault(paying)
    await vault.send(await vault.proposed())
    await paying.mine(3)
    await paying.pool.execute("update bitcoin.lease set epoch = epoch + 1")
    with pytest.raises(LeaseLost):
        await vault.job.run(paying.lease)
    assert await vault.charges() == []


@pytest.mark.parametrize("over", [{"hot_ceiling": 0, "hot_floor": 0}, {"deposit_address": None}])
async def test_without_a_ceiling_or_an_address_there_is_no_sweep(
    emptied_database: str, over: dict[str, Any]
) -> None:
    async with open_paying(emptied_database, **{**LIMITS, **over}) as paying:
        with pytest.raises(SettingsInvalid, match="needed to sweep"):
            await Vault(paying).sweeps.propose()


async def test_an_address_of_the_hot_wallet_is_not_cold(emptied_database: str) -> None:
    async with open_paying(emptied_database, **LIMITS) as paying:
        own = await paying.deposit()
        paying.config = paying.config.model_copy(update={"deposit_address": own.address})
        with pytest.raises(SettingsInvalid, match="of the hot wallet"):
            await Vault(paying).sweeps.propose()
