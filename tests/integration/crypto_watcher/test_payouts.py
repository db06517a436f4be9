"""Bitcoin withdrawals through engine, PostgreSQL and signer, in front of real consensus rules.

Business rule: a withdrawal pays its amount to its address once, whoever dies, and is completed when
the chain has confirmed it.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from bitcoin_watcher.spending import build, parse
from cift_shared.errors import LeaseLost
from cift_shared.money.amount import Money
from provider_sandbox.bitcoin.addresses import script_of
from provider_sandbox.bitcoin.reorg import ReorgPlan, reorganise
from tests.integration.crypto_watcher.payout_harness import LIMITS, Paying, open_paying
from tests.support import bitcoin, bitcoin_wallet
from wallet_keys import seed_file
from wallet_keys.account import BitcoinAccount
from wallet_keys.envelope import Passphrase

pytestmark = pytest.mark.integration


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database) as opened:
        yield opened


async def test_a_withdrawal_is_signed_sent_and_settled_at_its_depth(paying: Paying) -> None:
    await paying.fund(3_000_000, 1_000_000)
    payment_id = await paying.withdraw(1_500_000)
    txid = await paying.in_mempool(payment_id)
    await paying.mine(2)
    await paying.rest(payment_id)
    assert "settled" not in await paying.kinds(payment_id)
    await paying.mine()
    settled = await paying.result(payment_id, "settled")
    assert settled.amount == Money(1_500_000, "BTC")
    assert str(settled.provider_reference).startswith(f"{txid}:")
    (row,) = await paying.planned(payment_id)
    assert settled.provider_fee == Money(row["fee"], "BTC")
    assert paying.paid() == [1_500_000]


async def test_change_pays_the_next_withdrawal(paying: Paying) -> None:
    await paying.fund(3_000_000)
    for _ in range(2):
        payment_id = await paying.withdraw(1_000_000)
        await paying.in_mempool(payment_id)
        await paying.mine(3)
        await paying.result(payment_id, "settled")
        assert paying.paid() == [1_000_000]
    assert await paying.received() == []


async def test_a_stuck_withdrawal_pays_a_higher_fee_and_the_amount_once(
    emptied_database: str,
) -> None:
    async with open_paying(emptied_database, bump_after_blocks=2) as paying:
        await paying.fund(3_000_000)
        payment_id = await paying.withdraw(1_000_000)
        first = await paying.in_mempool(payment_id)
        await paying.mine(2, without=True)
        second = await paying.in_mempool(payment_id, versions=2)
        assert first not in paying.real.pool.pooled
        old, new = await paying.planned(payment_id, versions=2)
        assert new["fee"] * 4 >= old["fee"] * 5
        await paying.mine(3)
        settled = await paying.result(payment_id, "settled")
        assert str(settled.provider_reference).startswith(second)
        assert paying.paid() == [1_000_000]


async def test_the_first_version_may_confirm_although_the_second_was_sent(
    emptied_database: str,
) -> None:
    async with open_paying(emptied_database, bump_after_blocks=2) as paying:
        await paying.fund(3_000_000)
        payment_id = await paying.withdraw(1_000_000)
        first = await paying.in_mempool(payment_id)
        kept = paying.real.pool.pooled[first].transaction
        await paying.mine(2, without=True)
        second = await paying.in_mempool(payment_id, versions=2)
        paying.real.pool.remove(second)
        paying.real.send(kept)
        await paying.mine(3)
        settled = await paying.result(payment_id, "settled")
        assert str(settled.provider_reference).startswith(first)
        assert paying.paid() == [1_000_000]


async def test_too_little_money_waits_and_a_deposit_lets_it_continue(paying: Paying) -> None:
    await paying.fund(500_000)
    payment_id = await paying.withdraw(1_000_000)
    await paying.reach(payment_id, "noted")
    assert await paying.kinds(payment_id) == []
    await paying.fund(2_000_000)
    await paying.in_mempool(payment_id)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", "address_invalid"),
        ("bcrt1pzfmrlw", "address_invalid"),
    ],
    ids=["another network", "no address"],
)
async def test_an_address_that_can_not_be_paid_is_declined(
    paying: Paying, address: str, code: str
) -> None:
    await paying.fund(2_000_000)
    payment_id = await paying.withdraw(1_000_000, address)
    declined = await paying.result(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == code


async def test_an_address_of_ours_is_declined(paying: Paying) -> None:
    await paying.fund(2_000_000)
    own = await paying.deposit()
    payment_id = await paying.withdraw(1_000_000, own.address)
    declined = await paying.result(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "address_is_ours"


async def test_what_the_signer_refuses_is_declined_and_its_coins_are_free(paying: Paying) -> None:
    await paying.fund(2_000_000)
    limits = replace(LIMITS, transaction_max=500_000)
    paying.signer, _ = paying.another_signer(limits)
    payment_id = await paying.withdraw(1_000_000)
    await paying.planned(payment_id)
    await paying.sign()
    declined = await paying.result(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "above_signing_limit"
    assert await paying.pool.fetchval("select count(*) from bitcoin.reserved_coin") == 0
    assert paying.real.pool.pooled == {}


async def test_above_the_day_cap_a_withdrawal_waits(paying: Paying) -> None:
    await paying.fund(2_000_000, 2_000_000)
    limits = replace(LIMITS, day_max=1_500_000)
    paying.signer, _ = paying.another_signer(limits)
    first = await paying.withdraw(1_000_000)
    await paying.in_mempool(first)
    second = await paying.withdraw(1_000_000)
    await paying.planned(second)
    await paying.sign()
    await paying.sign()
    signed = await paying.pool.fetch("select payment_id from bitcoin_signer.signature")
    assert [row["payment_id"] for row in signed] == [first]
    assert "declined" not in await paying.kinds(second)


async def test_a_confirmed_withdrawal_that_is_reorganised_away_is_sent_again(
    paying: Paying,
) -> None:
    await paying.fund(3_000_000)
    payment_id = await paying.withdraw(1_000_000)
    txid = await paying.in_mempool(payment_id)
    await paying.mine(3)
    await paying.result(payment_id, "settled")
    reorganise(paying.real, ReorgPlan(depth=3, blocks=4, drop=frozenset({txid}), forget=True))
    await paying.read()
    assert txid not in paying.real.pool.pooled
    await paying.undone.run(paying.lease)
    assert txid in paying.real.pool.pooled
    await paying.mine()
    assert paying.paid() == [1_000_000]
    assert (await paying.kinds(payment_id)).count("settled") == 1


async def test_a_node_that_does_not_answer_delays_and_pays_once(paying: Paying) -> None:
    await paying.fund(3_000_000)
    payment_id = await paying.withdraw(1_000_000)
    await paying.planned(payment_id)
    paying.endpoint.is_down = True
    await paying.sign()
    await paying.rest(payment_id)
    paying.endpoint.is_down = False
    await paying.in_mempool(payment_id)
    await paying.mine(3)
    await paying.result(payment_id, "settled")
    assert paying.paid() == [1_000_000]


async def test_without_a_signer_nothing_is_planned(paying: Paying) -> None:
    await paying.fund(3_000_000)
    await paying.signer_lease.release(paying.signer_pool)
    payment_id = await paying.withdraw(1_000_000)
    await paying.reach(payment_id, "noted")
    assert await paying.pool.fetchval("select count(*) from bitcoin.payout") == 0
    assert [one.minor for one in await paying.processor.get_float()] == [0]
    assert await paying.signer_lease.take(paying.signer_pool)
    assert [one.minor for one in await paying.processor.get_float()] == [3_000_000]
    await paying.in_mempool(payment_id)


async def test_a_signer_that_lost_its_lead_signs_nothing(paying: Paying) -> None:
    await paying.fund(3_000_000)
    late, lease = paying.signer, paying.signer_lease
    payment_id = await paying.withdraw(1_000_000)
    await paying.planned(payment_id)
    paying.signer, paying.signer_lease = paying.another_signer()
    await paying.let_the_lease_expire()
    assert await paying.signer_lease.take(paying.signer_pool)
    with pytest.raises(LeaseLost):
        await late.run(lease)
    assert await paying.pool.fetchval("select count(*) from bitcoin_signer.signature") == 0
    await paying.in_mempool(payment_id)
    assert await paying.pool.fetchval("select count(*) from bitcoin_signer.signature") == 1


async def test_two_signers_sign_a_transaction_once(paying: Paying) -> None:
    await paying.fund(3_000_000)
    payment_id = await paying.withdraw(1_000_000)
    await paying.planned(payment_id)
    second, _ = paying.another_signer()
    lease = paying.signer_lease
    done = await asyncio.gather(paying.signer.run(lease), second.run(lease), return_exceptions=True)
    assert sum(one is None for one in done) >= 1
    assert await paying.pool.fetchval("select count(*) from bitcoin_signer.signature") == 1


async def test_a_wallet_restored_from_its_backup_pays_the_next_withdrawal(paying: Paying) -> None:
    await paying.fund(3_000_000)
    first = await paying.withdraw(1_000_000)
    await paying.in_mempool(first)
    await paying.mine(3)
    await paying.result(first, "settled")
    lock = Passphrase("a backup's passphrase", cost=2**14)
    backup = seed_file.seal(bitcoin_wallet.SEED, lock)
    restored = seed_file.unseal(backup, lock, "regtest")
    paying.signer, _ = paying.another_signer(account=BitcoinAccount(restored))
    second = await paying.withdraw(1_000_000)
    await paying.in_mempool(second)
    await paying.mine(3)
    await paying.result(second, "settled")


async def test_what_the_watcher_makes_up_is_not_signed(paying: Paying) -> None:
    """Somebody with the watcher's rights writes another recipient into its tables."""
    await paying.fund(3_000_000)
    payment_id = await paying.withdraw(1_000_000)
    (row,) = await paying.planned(payment_id)
    thief = paying.real.outside.new_address()
    forged = parse(row["unsigned"])
    outputs = [
        replace(one, script=script_of(thief)) if one.satoshi == 1_000_000 else one
        for one in forged.outputs
    ]
    unsigned = build(forged.inputs, outputs, lock_time=forged.lock_time)
    await paying.pool.execute(
        "insert into bitcoin.spend (txid, payment_id, version, unsigned, fee, weight, change_index)"
        " values ($1, $2, 2, $3, $4, $5, $6)",
        parse(unsigned).txid, payment_id, unsigned, row["fee"], row["weight"], row["change_index"],
    )  # fmt: skip
    await paying.pool.execute(
        "insert into bitcoin.spend_input (spend_txid, place, txid, vout, satoshi, chain, index)"
        " select $2, place, txid, vout, satoshi, chain, index from bitcoin.spend_input"
        "  where spend_txid = $1",
        row["txid"], parse(unsigned).txid,
    )  # fmt: skip
    await paying.sign()
    refused = await paying.pool.fetch("select reason from bitcoin_signer.refusal")
    assert [one["reason"] for one in refused] == ["other_payment"]
    await paying.mine(1)
    assert paying.paid(thief) == []


async def test_the_watcher_can_not_write_signatures_nor_the_signer_requests(
    paying: Paying,
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await paying.pool.execute("delete from bitcoin_signer.signature")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await paying.signer_pool.execute("update bitcoin.spend set fee = 1")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await paying.signer_pool.execute("update bitcoin_signer.signature set fee = 1")


async def test_a_denied_address_is_declined(emptied_database: str, tmp_path: Path) -> None:
    denied = tmp_path / "denied"
    denied.write_text(f"{bitcoin.SHARED}\n")
    async with open_paying(emptied_database, deny_file=denied) as paying:
        await paying.fund(2_000_000)
        payment_id = await paying.withdraw(1_000_000, bitcoin.SHARED)
        declined = await paying.result(payment_id, "declined")
        assert declined.failure is not None
        assert declined.failure.code == "address_denied"


async def test_coins_of_a_replaced_version_are_free_once_the_payout_is_final(
    emptied_database: str,
) -> None:
    """The second version needs another coin; the first is confirmed nevertheless."""
    async with open_paying(emptied_database, bump_after_blocks=1) as paying:
        await paying.fund(1_002_000, 3_000_000)
        payment_id = await paying.withdraw(1_000_000)
        first = await paying.in_mempool(payment_id)
        kept = paying.real.pool.pooled[first].transaction
        await paying.mine(1, without=True)
        second = await paying.in_mempool(payment_id, versions=2)
        assert await paying.pool.fetchval("select count(*) from bitcoin.reserved_coin") == 2
        paying.real.pool.remove(second)
        paying.real.send(kept)
        await paying.mine(3)
        await paying.result(payment_id, "settled")
        paying.real.mine(100)
        await paying.read()
        await paying.undone.run(paying.lease)
        assert await paying.pool.fetchval("select count(*) from bitcoin.reserved_coin") == 1
