"""Withdrawals by Bitcoin above a limit: a second person approves or rejects them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from click.testing import CliRunner, Result

from bitcoin_watcher.addresses import parse_address
from cift_shared.cli import Exit
from cift_shared.database.connecting import database as connected
from cift_shared.errors import ServerRefused
from tests.integration.crypto_watcher.payout_harness import LIMITS, Paying, open_paying
from tests.integration.crypto_watcher.test_wallet_commands import ENV
from tests.support.command_output import document_in
from tests.support.commands import DATA_KEYS, INDEX_KEY
from wallet_keys.cli import wallet

pytestmark = pytest.mark.integration

ABOVE = replace(LIMITS, approval_above=500_000)
DECISION = ["--operator", "ann", "--reason", "called the customer", "--yes"]
STORE = (
    "insert into bitcoin_signer.approval"
    " (payment_id, is_approved, script, minor, currency, operator, reason)"
    " values ($1, true, $2, $3, 'BTC', 'ann', 'because')"
)


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database) as opened:
        opened.signer, _ = opened.another_signer(ABOVE)
        await opened.sign()
        await opened.fund(2_000_000, 300_000)
        yield opened


async def run(database: str, *words: str) -> Result:
    keys = {"CIFT_DATA_KEYS": DATA_KEYS, "CIFT_INDEX_KEY": INDEX_KEY}
    env = {**ENV, **keys, "DATABASE_URL": database}
    return await asyncio.to_thread(CliRunner().invoke, wallet, words, env=env)


async def waiting(database: str) -> list[dict[str, Any]]:
    done = await run(database, "approvals", "--json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = document_in(done.output)
    return found


async def submitted(paying: Paying, satoshi: int = 1_000_000) -> UUID:
    """A withdrawal that waits for a person."""
    payment_id = await paying.withdraw(satoshi)
    await paying.reach(payment_id, "submitted")
    return payment_id


async def test_it_waits_without_coins_until_it_is_approved(
    paying: Paying, emptied_database: str
) -> None:
    payment_id = await submitted(paying)
    recipient = paying.recipient
    await paying.rest(payment_id)
    assert await paying.pool.fetchval("select count(*) from bitcoin.payout") == 0
    (one,) = await waiting(emptied_database)
    assert (one["payment_id"], one["amount"], one["address"]) == (
        str(payment_id), "0.01000000", recipient,
    )  # fmt: skip
    small = await paying.withdraw(100_000)
    await paying.in_mempool(small)  # nothing waits behind it
    done = await run(emptied_database, "approve", str(payment_id), *DECISION)
    assert done.exit_code == 0, done.output
    assert await waiting(emptied_database) == []
    await paying.in_mempool(payment_id)
    await paying.mine(3)
    await paying.result(payment_id, "settled")
    assert paying.paid(recipient) == [1_000_000]
    kinds = await paying.kinds(payment_id)
    assert (kinds[0], kinds[-1]) == ("submitted", "settled")


async def test_rejected_it_fails_and_nothing_was_planned(
    paying: Paying, emptied_database: str
) -> None:
    payment_id = await submitted(paying)
    assert (await run(emptied_database, "reject", str(payment_id), *DECISION)).exit_code == 0
    declined = await paying.reach(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "withdrawal_rejected"
    assert await paying.pool.fetchval("select count(*) from bitcoin.payout") == 0


async def test_a_decision_is_final(paying: Paying, emptied_database: str) -> None:
    payment_id = str(await submitted(paying))
    assert (await run(emptied_database, "approve", payment_id, *DECISION)).exit_code == 0
    again = await run(emptied_database, "reject", payment_id, *DECISION)
    assert (again.exit_code, "a decision is final" in again.output) == (Exit.REFUSED, True)
    unknown = await run(emptied_database, "approve", str(UUID(int=1)), *DECISION)
    assert unknown.exit_code == Exit.REFUSED
    assert "no withdrawal" in unknown.output


async def test_what_is_signed_can_not_be_rejected(paying: Paying, emptied_database: str) -> None:
    payment_id = await paying.withdraw(100_000)
    await paying.in_mempool(payment_id)
    late = await run(emptied_database, "reject", str(payment_id), *DECISION)
    assert (late.exit_code, "too late" in late.output) == (Exit.REFUSED, True)


async def test_nobody_is_asked_twice_by_the_timeline(paying: Paying) -> None:
    payment_id = await submitted(paying)
    await paying.rest(payment_id)
    steps = [step.name for one in await paying.results(payment_id) for step in one.evidence]
    assert steps.count("bitcoin.withdrawal.waits_for_approval") == 1


async def test_a_watcher_can_not_approve(paying: Paying, emptied_database: str) -> None:
    payment_id = await submitted(paying)
    for pool in (paying.pool, paying.signer_pool):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(STORE, payment_id, b"\0", 1_000_000)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await paying.pool.execute("delete from bitcoin_signer.approval_limit")
    approver = "cift_wallet_approver"
    for statement in ("update {} set is_approved = true", "delete from {}"):
        with pytest.raises(ServerRefused, match="permission denied"):
            async with connected(emptied_database, role=approver) as connection:
                await connection.execute(statement.format("bitcoin_signer.approval"))


async def test_an_approval_of_another_amount_is_refused(
    paying: Paying, emptied_database: str
) -> None:
    payment_id = await submitted(paying)
    (one,) = await waiting(emptied_database)
    async with connected(emptied_database, role="cift_wallet_approver") as connection:
        await connection.execute(STORE, payment_id, _script(one["address"]), 999_999)
    await paying.planned(payment_id)
    await paying.sign()
    declined = await paying.reach(payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "signer_refused"
    reason = await paying.pool.fetchval("select reason from bitcoin_signer.refusal")
    assert reason == "approved_otherwise"
    assert paying.real.pool.pooled == {}


async def test_a_plan_without_approval_is_not_signed(paying: Paying, emptied_database: str) -> None:
    """The signer does not rely on the watcher; a limit may also become lower."""
    paying.signer, _ = paying.another_signer(LIMITS)
    await paying.sign()
    payment_id = await paying.withdraw(1_000_000)
    await paying.planned(payment_id)
    await paying.let_the_lease_expire()
    paying.signer, paying.signer_lease = paying.another_signer(ABOVE)  # restarted
    assert await paying.signer_lease.take(paying.signer_pool)
    for _ in range(3):
        await paying.sign()
    assert await paying.pool.fetch("select from bitcoin_signer.signature") == []
    assert "declined" not in await paying.kinds(payment_id)
    assert (await run(emptied_database, "approve", str(payment_id), *DECISION)).exit_code == 0
    await paying.in_mempool(payment_id)


async def test_an_approval_outlives_both_processes(paying: Paying, emptied_database: str) -> None:
    payment_id = await submitted(paying)
    assert (await run(emptied_database, "approve", str(payment_id), *DECISION)).exit_code == 0
    await paying.stop()
    await paying.let_the_lease_expire()
    await paying.pool.execute(
        "update bitcoin.lease set ends_at = clock_timestamp() - interval '1 second'"
    )
    async with open_paying(emptied_database, node=paying.endpoint) as again:
        again.signer, _ = again.another_signer(ABOVE)
        await again.in_mempool(payment_id)


def _script(address: str) -> bytes:
    return parse_address(address, "regtest").script
