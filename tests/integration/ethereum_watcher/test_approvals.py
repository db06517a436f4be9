"""Withdrawals of ether and tokens above a limit: a second person approves or rejects them."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from click.testing import CliRunner

from cift_shared.database.connecting import database as connected
from tests.integration.ethereum_watcher.payout_harness import TOKEN, Paying, capped, open_paying
from tests.integration.ethereum_watcher.test_reserves import ENV
from tests.support.commands import DATA_KEYS, INDEX_KEY
from tests.support.ethereum import ETHER
from wallet_keys.cli import wallet

pytestmark = pytest.mark.integration

STORE = (
    "insert into ethereum_signer.approval"
    " (payment_id, is_approved, script, minor, currency, operator, reason)"
    " values ($1, true, $2, $3, 'ETH', 'ann', 'because')"
)


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database) as opened:
        opened.signer, _ = opened.another_signer(capped(approval_above=ETHER // 2))
        await opened.sign()
        await opened.fund()
        yield opened


async def decide(database: str, verb: str, payment_id: UUID) -> None:
    words = [verb, str(payment_id), "--operator", "ann", "--reason", "because", "--yes"]
    keys = {"CIFT_DATA_KEYS": DATA_KEYS, "CIFT_INDEX_KEY": INDEX_KEY}
    env = {**ENV, **keys, "DATABASE_URL": database}
    done = await asyncio.to_thread(CliRunner().invoke, wallet, words, env=env)
    assert done.exit_code == 0, done.output


async def submitted(paying: Paying, wei: int = ETHER) -> UUID:
    payment_id = await paying.withdraw(wei)
    await paying.reach(payment_id, "submitted")
    return payment_id


async def test_what_waits_has_no_nonce_and_holds_back_no_other(
    paying: Paying, emptied_database: str
) -> None:
    waits = await submitted(paying)
    to = paying.recipient
    small = await paying.withdraw(ETHER // 4)
    await paying.in_pool(small)
    (row,) = await paying.planned(small)
    assert row["nonce"] == 0
    await paying.settled(small)
    await decide(emptied_database, "approve", waits)
    await paying.in_pool(waits)
    await paying.settled(waits)
    assert paying.balance(to) == ETHER


async def test_rejected_it_fails(paying: Paying, emptied_database: str) -> None:
    payment_id = await submitted(paying)
    await decide(emptied_database, "reject", payment_id)
    declined = await paying.reach(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "withdrawal_rejected"
    assert await paying.pool.fetchval("select count(*) from ethereum.payout") == 0


async def test_each_token_has_a_limit_of_its_own(paying: Paying, emptied_database: str) -> None:
    await paying.fund_token()
    paying.signer, _ = paying.another_signer(capped("USDC", approval_above=20 * TOKEN))
    await paying.sign()
    below = await paying.withdraw(20 * TOKEN, currency="USDC")
    await paying.in_pool(below)
    above = await paying.withdraw(20 * TOKEN + 1, currency="USDC")
    await paying.reach(above, "submitted")
    await paying.rest(above)
    assert await paying.signed(above) is None
    await decide(emptied_database, "approve", above)
    await paying.in_pool(above)
    ether = await paying.withdraw(ETHER)
    await paying.in_pool(ether)


async def test_a_watcher_can_not_approve_and_another_amount_is_refused(
    paying: Paying, emptied_database: str
) -> None:
    payment_id = await submitted(paying)
    account = bytes.fromhex(paying.recipient[2:])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await paying.pool.execute(STORE, payment_id, account, ETHER)
    async with connected(emptied_database, role="cift_wallet_approver") as connection:
        await connection.execute(STORE, payment_id, account, ETHER - 1)
    await paying.planned(payment_id)
    await paying.sign()
    declined = await paying.reach(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "signer_refused"
    assert paying.waiting() == []


async def test_a_plan_without_approval_is_not_signed(paying: Paying, emptied_database: str) -> None:
    """A limit becomes lower while a plan waits; the signer does not rely on the watcher."""
    paying.signer, _ = paying.another_signer(capped())
    await paying.sign()
    payment_id = await paying.withdraw(ETHER)
    await paying.planned(payment_id)
    paying.signer, _ = paying.another_signer(capped(approval_above=ETHER // 2))
    for _ in range(3):
        await paying.sign()
    assert await paying.signed(payment_id) is None
    await decide(emptied_database, "approve", payment_id)
    await paying.in_pool(payment_id)
