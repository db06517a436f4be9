"""The signer of Bitcoin pays only what the ledger has accepted and set money aside for."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from chain_watch.funds_store import LedgerFunds
from cift_shared.database.connecting import database as connected
from cift_shared.messaging.messages import RequestWithdrawal
from tests.integration.crypto_watcher.payout_harness import Paying, open_paying
from tests.integration.ledger.books import Books, command_row, open_books
from tests.support import bitcoin_wallet

pytestmark = pytest.mark.integration


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database) as opened:
        opened.funds = LedgerFunds("bitcoin")
        opened.signer, _ = opened.another_signer()
        await opened.fund(2_000_000)
        yield opened


@pytest.fixture
async def books(emptied_database: str) -> AsyncIterator[Books]:
    async with open_books(emptied_database) as opened:
        await opened.settled_deposit(1_000_000, 0, currency="BTC", method="bitcoin", rail="bitcoin")
        yield opened


def command(paying: Paying, satoshi: int = 500_000) -> RequestWithdrawal:
    paying.recipient = paying.real.outside.new_address()
    return bitcoin_wallet.withdrawal(satoshi, paying.recipient, clock=paying.clock)


async def accept(books: Books, one: RequestWithdrawal, **over: Any) -> None:
    """As the gateway does, before it sends the command."""
    row = {
        **command_row("withdrawal", one.amount.minor, 0, one.amount.minor),
        "payment_id": str(one.payment_id),
        "currency": "BTC",
        "method": "bitcoin",
        "rail": "bitcoin",
        "instrument": one.instrument.model_dump(mode="json"),
        **over,
    }
    await books.gateway.execute("select ledger.accept_payment($1)", row)


async def refused(paying: Paying, one: RequestWithdrawal) -> str:
    """Why the signer has not signed it; the withdrawal is declined."""
    await paying.planned(one.payment_id)
    await paying.sign()
    await paying.result(one.payment_id, "declined")
    assert await paying.pool.fetch("select from bitcoin_signer.signature") == []
    assert paying.real.pool.pooled == {}
    return str(await paying.pool.fetchval("select reason from bitcoin_signer.refusal"))


async def test_what_was_accepted_is_paid(paying: Paying, books: Books) -> None:
    one = command(paying)
    await accept(books, one)
    await paying.send(one)
    await paying.in_mempool(one.payment_id)
    await paying.mine(3)
    await paying.result(one.payment_id, "settled")


async def test_a_forged_command_is_not_paid(paying: Paying, books: Books) -> None:
    one = command(paying)
    await paying.send(one)
    assert await refused(paying, one) == "not_accepted"


@pytest.mark.parametrize("what", ["amount", "address"])
async def test_a_command_that_was_changed_is_not_paid(
    paying: Paying, books: Books, what: str
) -> None:
    one, other = command(paying), command(paying, 600_000)
    await accept(books, one)
    changed = {"amount": {"amount": other.amount}, "address": {"instrument": other.instrument}}
    await paying.send(one.model_copy(update=changed[what]))
    assert await refused(paying, one) == "accepted_otherwise"


async def test_without_a_hold_nothing_is_paid(paying: Paying, books: Books) -> None:
    one = command(paying)
    await accept(books, one)
    await paying.send(one)
    await paying.planned(one.payment_id)
    await books.admin.execute(
        "update ledger.hold set state = 'released', ended_at = now(), end_booked_at = now()"
    )
    assert await refused(paying, one) == "not_held"


async def test_a_payment_of_another_rail_or_type_is_no_acceptance(
    paying: Paying, books: Books
) -> None:
    one = command(paying)
    await accept(books, one, method="mpesa", rail="mpesa")
    await paying.send(one)
    assert await refused(paying, one) == "not_accepted"


async def test_a_raised_fee_needs_no_hold(paying: Paying, books: Books) -> None:
    """The first version can be mined at any time, so nobody gains if it can't be replaced."""
    one = command(paying)
    await accept(books, one)
    await paying.send(one)
    first = await paying.in_mempool(one.payment_id)
    await books.admin.execute(
        "update ledger.hold set state = 'released', ended_at = now(), end_booked_at = now()"
    )
    for _ in range(paying.config.bump_after_blocks):
        await paying.mine(without=True)
    assert await paying.in_mempool(one.payment_id, versions=2) != first


async def test_the_signer_reads_nothing_else_of_the_ledger(emptied_database: str) -> None:
    for role in ("cift_bitcoin_signer", "cift_ethereum_signer"):
        async with connected(emptied_database, role=role) as connection:
            assert await connection.fetch("select * from ledger.held_withdrawal") == []
            for table in ("payment", "hold", "balance"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f"select from ledger.{table}")
    for role in ("cift_bitcoin", "cift_ethereum"):
        async with connected(emptied_database, role=role) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("select from ledger.held_withdrawal")
