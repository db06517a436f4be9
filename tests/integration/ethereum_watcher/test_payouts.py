"""Ethereum withdrawals through engine, PostgreSQL and signer, in front of a real EVM.

Business rule: a withdrawal pays its amount to its address once, whoever dies, and is completed when
the chain has it for good.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from cift_shared.errors import LeaseLost
from cift_shared.money.amount import Money
from ethereum_watcher.ether_transfers import parse, unsigned_bytes
from tests.integration.ethereum_watcher.payout_harness import (
    HOT,
    Paying,
    PayingNode,
    capped,
    open_paying,
)
from tests.support import bitcoin_wallet, ethereum
from tests.support.ethereum import ETHER
from tests.support.ethereum_keys import Wallet
from wallet_keys import seed_file
from wallet_keys.envelope import Passphrase
from wallet_keys.ethereum_account import EthereumAccount
from wallet_keys.key_file import SingleKey

pytestmark = pytest.mark.integration


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database) as opened:
        yield opened


async def test_a_withdrawal_is_signed_sent_and_settled_once_it_is_final(paying: Paying) -> None:
    await paying.fund()
    payment_id = await paying.withdraw(ETHER)
    name = await paying.in_pool(payment_id)
    await paying.mined()
    await paying.rest(payment_id)
    assert "settled" not in await paying.kinds(payment_id)
    await paying.final()
    settled = await paying.reach(payment_id, "settled")
    assert settled.amount == Money(ETHER, "ETH")
    assert settled.provider_reference == name
    assert paying.balance() == ETHER
    assert settled.provider_fee is not None
    assert paying.balance(HOT) == 5 * ETHER - ETHER - settled.provider_fee.minor


async def test_a_number_of_blocks_settles_where_it_is_set(emptied_database: str) -> None:
    async with open_paying(emptied_database, confirmations="2") as paying:
        await paying.fund()
        payment_id = await paying.withdraw()
        await paying.in_pool(payment_id)
        await paying.mined()
        await paying.rest(payment_id)
        assert "settled" not in await paying.kinds(payment_id)
        await paying.mined()
        await paying.reach(payment_id, "settled")


async def test_withdrawals_at_once_have_nonces_of_their_own(paying: Paying) -> None:
    await paying.fund()
    ids = [await paying.withdraw(ETHER // 10) for _ in range(4)]
    for one in ids:
        await paying.in_pool(one)
    rows = [(await paying.planned(one))[0] for one in ids]
    assert sorted(row["nonce"] for row in rows) == [0, 1, 2, 3]
    await paying.mined()
    await paying.final()
    for one in ids:
        await paying.reach(one, "settled")
    assert paying.nonce() == 4


async def test_a_stuck_withdrawal_pays_a_higher_fee_and_the_amount_once(
    emptied_database: str,
) -> None:
    async with open_paying(emptied_database, bump_after_blocks=2) as paying:
        await paying.fund()
        payment_id = await paying.withdraw()
        first = await paying.in_pool(payment_id)
        await paying.empty_blocks(2)
        second = await paying.in_pool(payment_id, versions=2)
        assert first not in paying.waiting()
        old, new = await paying.planned(payment_id, versions=2)
        assert new["max_fee"] * 1000 >= old["max_fee"] * 1125
        assert new["tip"] * 1000 >= old["tip"] * 1125
        assert new["nonce"] == old["nonce"]
        settled = await paying.settled(payment_id)
        assert settled.provider_reference == second
        assert paying.balance() == ETHER


async def test_the_first_version_may_be_mined_although_the_second_was_sent(
    emptied_database: str,
) -> None:
    async with open_paying(emptied_database, bump_after_blocks=2) as paying:
        await paying.fund()
        payment_id = await paying.withdraw()
        first = await paying.in_pool(payment_id)
        raw = paying.node.raws[-1]
        await paying.empty_blocks(2)
        second = await paying.in_pool(payment_id, versions=2)
        paying.node.node.pool.remove(bytes.fromhex(second[2:]))
        paying.node.send(raw)
        settled = await paying.settled(payment_id)
        assert settled.provider_reference == first
        assert paying.balance() == ETHER


async def test_the_fee_is_raised_up_to_its_limit_only(emptied_database: str) -> None:
    limit = 21_000 * 12 * 10**9
    over = {"fee_floor": "10", "fee_ceiling": "10", "payout_fee_max": limit}
    async with open_paying(emptied_database, bump_after_blocks=1, **over) as paying:
        await paying.fund()
        payment_id = await paying.withdraw()
        await paying.in_pool(payment_id)
        await paying.empty_blocks(1)
        await paying.in_pool(payment_id, versions=2)
        await paying.empty_blocks(2)
        await paying.rest(payment_id)
        rows = await paying.planned(payment_id)
        assert [row["gas"] * row["max_fee"] <= limit for row in rows] == [True, True]
        await paying.settled(payment_id)


async def test_one_that_waits_for_a_lower_nonce_is_not_raised(emptied_database: str) -> None:
    async with open_paying(emptied_database, bump_after_blocks=1) as paying:
        await paying.fund()
        first = await paying.withdraw(ETHER // 10)
        await paying.in_pool(first)
        second = await paying.withdraw(ETHER // 10)
        await paying.in_pool(second)
        await paying.empty_blocks(2)
        await paying.in_pool(first, versions=2)
        await paying.rest(second)
        assert len(await paying.planned(second)) == 1


async def test_too_little_money_waits_and_more_lets_it_continue(paying: Paying) -> None:
    await paying.fund(ETHER)
    payment_id = await paying.withdraw(ETHER)
    await paying.reach(payment_id, "noted")
    assert await paying.kinds(payment_id) == []
    await paying.fund(ETHER)
    await paying.in_pool(payment_id)


async def test_the_same_ether_is_not_planned_twice(paying: Paying) -> None:
    await paying.fund(ETHER)
    first = await paying.withdraw(ETHER * 6 // 10)
    await paying.planned(first)
    second = await paying.withdraw(ETHER * 6 // 10)
    await paying.reach(second, "noted")
    assert await paying.pool.fetchval("select count(*) from ethereum.payout") == 1
    assert 0 < await paying.spendable() < ETHER * 4 // 10


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("0x9858effd232B4033E47d90003D41EC34EcaEda94", "address_invalid"),
        ("0x" + "0" * 40, "address_invalid"),
        ("0x" + "0" * 37 + "1ff", "address_invalid"),
        ("nonsense", "address_invalid"),
        (HOT, "address_is_ours"),
    ],
    ids=["wrong checksum", "zero", "precompiled", "no address", "the hot account"],
)
async def test_an_address_that_can_not_be_paid_is_declined(
    paying: Paying, address: str, code: str
) -> None:
    await paying.fund()
    payment_id = await paying.withdraw(ETHER, address)
    declined = await paying.reach(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == code


async def test_an_address_of_a_deposit_is_declined(paying: Paying) -> None:
    await paying.fund()
    own = await paying.deposit()
    payment_id = await paying.withdraw(ETHER, own.address)
    declined = await paying.reach(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "address_is_ours"


async def test_a_denied_address_is_declined(emptied_database: str, tmp_path: Path) -> None:
    denied = tmp_path / "denied"
    denied.write_text(f"{ethereum.SHARED.lower()}  # sanctioned\n")
    async with open_paying(emptied_database, deny_file=denied) as paying:
        await paying.fund()
        payment_id = await paying.withdraw(ETHER, ethereum.SHARED)
        declined = await paying.reach(payment_id, "declined")
        assert declined.failure is not None
        assert declined.failure.code == "address_denied"


async def test_a_contract_that_refuses_ether_is_told_before_anything_is_sent(
    paying: Paying,
) -> None:
    await paying.fund()
    refuser = "0x" + paying.node.node.refuser.hex()
    payment_id = await paying.withdraw(ETHER, refuser)
    declined = await paying.reach(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "recipient_refused"
    assert declined.provider_fee is None
    assert await paying.pool.fetchval("select count(*) from ethereum.payout") == 0


async def test_a_transaction_that_fails_is_declined_with_its_fee_once_it_is_final(
    paying: Paying,
) -> None:
    """The contract refuses later than it was asked."""
    await paying.fund()
    paying.node.lies["eth_getCode"] = lambda params, result: "0x"
    refuser = "0x" + paying.node.node.refuser.hex()
    payment_id = await paying.withdraw(ETHER, refuser)
    await paying.in_pool(payment_id)
    await paying.mined()
    await paying.rest(payment_id)
    assert "declined" not in await paying.kinds(payment_id)
    await paying.final()
    declined = await paying.reach(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "recipient_refused"
    assert declined.provider_fee is not None
    assert paying.balance(HOT) == 5 * ETHER - declined.provider_fee.minor


async def test_a_node_that_does_not_answer_delays_and_pays_once(paying: Paying) -> None:
    await paying.fund()
    payment_id = await paying.withdraw()
    await paying.planned(payment_id)
    paying.node.is_down = True
    await paying.sign()
    await paying.rest(payment_id)
    paying.node.is_down = False
    await paying.in_pool(payment_id)
    assert len(set(paying.node.raws)) == 1
    await paying.settled(payment_id)
    assert paying.balance() == ETHER


async def test_without_a_signer_nothing_is_planned(paying: Paying) -> None:
    await paying.fund()
    await paying.signer_lease.release(paying.signer_pool)
    payment_id = await paying.withdraw()
    await paying.reach(payment_id, "noted")
    assert await paying.pool.fetchval("select count(*) from ethereum.payout") == 0
    assert await paying.spendable() == 0
    assert await paying.signer_lease.take(paying.signer_pool)
    assert await paying.spendable() == 5 * ETHER
    await paying.in_pool(payment_id)


class TestTheSigner:
    async def test_what_it_refuses_is_declined_and_the_next_gets_the_nonce(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        paying.signer, _ = paying.another_signer(capped(transaction_max=ETHER // 2))
        first = await paying.withdraw(ETHER)
        await paying.planned(first)
        await paying.sign()
        declined = await paying.reach(first, "declined")
        assert declined.failure is not None
        assert declined.failure.code == "above_signing_limit"
        second = await paying.withdraw(ETHER // 4)
        await paying.in_pool(second)
        (row,) = await paying.planned(second)
        assert row["nonce"] == 0
        await paying.settled(second)

    async def test_above_the_day_cap_a_withdrawal_waits_and_so_do_later_ones(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        paying.signer, _ = paying.another_signer(capped(day_max=ETHER * 3 // 2))
        first = await paying.withdraw(ETHER)
        await paying.in_pool(first)
        second = await paying.withdraw(ETHER)
        await paying.planned(second)
        third = await paying.withdraw(ETHER // 10)
        await paying.planned(third)
        await paying.sign()
        await paying.sign()
        signed = await paying.pool.fetch("select payment_id from ethereum_signer.signature")
        assert [row["payment_id"] for row in signed] == [first]
        assert "declined" not in await paying.kinds(second)

    async def test_one_that_lost_its_lead_signs_nothing(self, paying: Paying) -> None:
        await paying.fund()
        late, lease = paying.signer, paying.signer_lease
        payment_id = await paying.withdraw()
        await paying.planned(payment_id)
        paying.signer, paying.signer_lease = paying.another_signer()
        await paying.let_the_lease_expire()
        assert await paying.signer_lease.take(paying.signer_pool)
        with pytest.raises(LeaseLost):
            await late.run(lease)
        assert await paying.signed(payment_id) is None
        await paying.in_pool(payment_id)

    async def test_two_sign_a_version_once(self, paying: Paying) -> None:
        await paying.fund()
        payment_id = await paying.withdraw()
        await paying.planned(payment_id)
        second, _ = paying.another_signer()
        lease = paying.signer_lease
        done = await asyncio.gather(
            paying.signer.run(lease), second.run(lease), return_exceptions=True
        )
        assert sum(one is None for one in done) >= 1
        assert await paying.pool.fetchval("select count(*) from ethereum_signer.signature") == 1

    async def test_a_wallet_restored_from_its_backup_pays_the_next_withdrawal(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        lock = Passphrase("a backup's passphrase", cost=2**14)
        backup = seed_file.seal(bitcoin_wallet.SEED, lock)
        restored = seed_file.unseal(backup, lock, "regtest")
        paying.signer, _ = paying.another_signer(account=EthereumAccount(restored))
        payment_id = await paying.withdraw()
        await paying.in_pool(payment_id)
        await paying.settled(payment_id)

    async def test_an_imported_account_pays(self, emptied_database: str) -> None:
        """It has sent transactions before: they are nobody's withdrawals."""
        payer = SingleKey(ethereum.FIRST_KEY.to_bytes(32))
        node = PayingNode()
        node.pay(payer.address, 10 * ETHER)
        node.mine()
        node.send(Wallet(ethereum.FIRST_KEY).sign(0, ethereum.SHARED, ETHER)[0])
        node.mine()
        async with open_paying(emptied_database, node=node, hot_address=payer.address) as paying:
            account = EthereumAccount(bitcoin_wallet.SEED, payer)
            paying.signer, _ = paying.another_signer(account=account)
            payment_id = await paying.withdraw()
            (row,) = await paying.planned(payment_id)
            assert row["nonce"] == 1
            await paying.in_pool(payment_id)
            await paying.mined()
            await paying.final()
            await paying.reach(payment_id, "settled")
            assert paying.balance() == ETHER
            assert paying.balance(payer.address) < 8 * ETHER

    async def test_what_the_watcher_makes_up_is_not_signed(self, paying: Paying) -> None:
        """Somebody with the watcher's rights writes another recipient into its tables."""
        await paying.fund()
        payment_id = await paying.withdraw(ETHER)
        (row,) = await paying.planned(payment_id)
        thief = paying.somebody()
        forged = replace(parse(row["unsigned"]), account=bytes.fromhex(thief[2:]))
        await paying.pool.execute(
            "update ethereum.spend set unsigned = $2 where payment_id = $1",
            payment_id,
            unsigned_bytes(forged),
        )
        await paying.sign()
        refused = await paying.pool.fetch("select reason from ethereum_signer.refusal")
        assert [one["reason"] for one in refused] == ["other_payment"]
        await paying.mined()
        assert paying.balance(thief) == 0

    async def test_a_signed_withdrawal_is_not_signed_with_another_nonce(
        self, paying: Paying
    ) -> None:
        """Two nonces would pay twice."""
        await paying.fund()
        payment_id = await paying.withdraw(ETHER)
        (row,) = await paying.planned(payment_id)
        await paying.sign()
        again = replace(parse(row["unsigned"]), nonce=1)
        await paying.pool.execute(
            """insert into ethereum.spend (payment_id, version, unsigned, gas, max_fee, tip)
               values ($1, 2, $2, 21000, 1, 1)""",
            payment_id,
            unsigned_bytes(again),
        )
        await paying.sign()
        refused = await paying.pool.fetch("select reason from ethereum_signer.refusal")
        assert [one["reason"] for one in refused] == ["independent_version"]

    async def test_the_watcher_can_not_write_signatures_nor_the_signer_requests(
        self, paying: Paying
    ) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await paying.pool.execute("delete from ethereum_signer.signature")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await paying.signer_pool.execute("update ethereum.spend set gas = 21000")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await paying.signer_pool.execute("update ethereum_signer.signature set wei = 1")
