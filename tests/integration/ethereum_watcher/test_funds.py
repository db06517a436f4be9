"""The signer of ether and tokens pays only what the ledger has set money aside for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chain_watch.funds_store import LedgerFunds
from cift_shared.messaging.messages import RequestWithdrawal
from tests.integration.ethereum_watcher.payout_harness import TOKEN, Paying, open_paying
from tests.integration.ledger.books import Books, command_row, open_books
from tests.support import ethereum_wallet
from tests.support.ethereum import ETHER

pytestmark = pytest.mark.integration


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database) as opened:
        opened.funds = LedgerFunds("ethereum")
        opened.signer, _ = opened.another_signer()
        await opened.fund()
        await opened.fund_token()
        yield opened


@pytest.fixture
async def books(emptied_database: str) -> AsyncIterator[Books]:
    async with open_books(emptied_database) as opened:
        for currency, minor in (("ETH", 3 * ETHER), ("USDC", 50 * TOKEN)):
            await opened.settled_deposit(
                minor, 0, currency=currency, method="ethereum", rail="ethereum"
            )
        yield opened


def command(paying: Paying, minor: int = ETHER, currency: str = "ETH") -> RequestWithdrawal:
    paying.recipient = paying.somebody()
    return ethereum_wallet.withdrawal(
        minor, paying.recipient, clock=paying.clock, currency=currency
    )


async def accept(books: Books, one: RequestWithdrawal) -> None:
    """As the gateway does, before it sends the command."""
    row: dict[str, Any] = {
        **command_row("withdrawal", one.amount.minor, 0, one.amount.minor),
        "payment_id": str(one.payment_id),
        "currency": one.amount.currency,
        "method": "ethereum",
        "rail": "ethereum",
        "instrument": one.instrument.model_dump(mode="json"),
    }
    await books.gateway.execute("select ledger.accept_payment($1)", row)


@pytest.mark.parametrize(("minor", "currency"), [(ETHER, "ETH"), (20 * TOKEN, "USDC")])
async def test_what_was_accepted_is_paid(
    paying: Paying, books: Books, minor: int, currency: str
) -> None:
    one = command(paying, minor, currency)
    await accept(books, one)
    await paying.send(one)
    await paying.in_pool(one.payment_id)
    await paying.settled(one.payment_id)


async def test_a_forged_command_is_not_paid_and_holds_back_no_other(
    paying: Paying, books: Books
) -> None:
    forged, good = command(paying), command(paying)
    await accept(books, good)
    await paying.send(forged)
    await paying.planned(forged.payment_id)
    await paying.send(good)
    await paying.sign()
    declined = await paying.reach(forged.payment_id, "declined")
    assert declined.failure is not None
    assert declined.failure.code == "signer_refused"
    assert await paying.signed(forged.payment_id) is None
    await paying.in_pool(good.payment_id)


@pytest.mark.parametrize("what", ["amount", "currency", "address"])
async def test_a_command_that_was_changed_is_not_paid(
    paying: Paying, books: Books, what: str
) -> None:
    one, other = command(paying), command(paying, 2 * ETHER)
    await accept(books, one)
    changed = {
        "amount": {"amount": other.amount},
        "currency": {"amount": command(paying, TOKEN, "USDC").amount},
        "address": {"instrument": other.instrument},
    }
    await paying.send(one.model_copy(update=changed[what]))
    await paying.planned(one.payment_id)
    await paying.sign()
    await paying.reach(one.payment_id, "declined")
    reason = await paying.pool.fetchval("select reason from ethereum_signer.refusal")
    assert (reason, await paying.signed(one.payment_id)) == ("accepted_otherwise", None)
