"""`cift wallet reserves` for Bitcoin: chain, watcher and ledger to the satoshi."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.spending import Paid, Spent, build
from cift_shared.cli import Exit
from crypto_signer.policy import Input
from crypto_signer.signing import sign
from provider_sandbox.bitcoin.addresses import script_of
from provider_sandbox.bitcoin.transaction import Output
from tests.integration.crypto_watcher.booked import book
from tests.integration.crypto_watcher.payout_harness import Paying, open_paying
from tests.integration.crypto_watcher.test_sweeps import LIMITS, Vault
from tests.integration.crypto_watcher.test_wallet_commands import ENV
from tests.integration.ledger.books import Books, open_books
from tests.support import bitcoin_wallet
from tests.support.command_output import document_in
from wallet_keys.cli import wallet

pytestmark = pytest.mark.integration


@pytest.fixture
async def paying(emptied_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database, **LIMITS) as opened:

        def nodes(_: Any) -> list[BitcoinNode]:
            return [opened._client(opened.endpoint)]

        monkeypatch.setattr("crypto_watcher.reserves.bitcoin_nodes", nodes)
        yield opened


@pytest.fixture
async def books(emptied_database: str) -> AsyncIterator[Books]:
    async with open_books(emptied_database) as opened:
        yield opened


async def run(database: str, *words: str, **env: str | None) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke,
        wallet,
        ["reserves", "--wait", "0", *words],
        env={**ENV, "DATABASE_URL": database, **env},
    )


async def found(database: str, *, code: Exit = Exit.OK) -> dict[str, Any]:
    done = await run(database, "--json")
    assert done.exit_code == code, done.output
    (one,) = document_in(done.output)
    assert isinstance(one, dict)
    _adds_up(one)
    return one


def _adds_up(one: dict[str, Any]) -> None:
    """Every part of the difference has a name."""
    parts = [*one["open"], *one["differences"], {"amount": one["ledger"]}, {"amount": one["own"]}]
    assert sum(_satoshi(part["amount"]) for part in parts) == _satoshi(one["nodes"])


def _satoshi(text: str) -> int:
    return int(text.replace(".", ""))


def reasons(lines: list[dict[str, str]]) -> dict[str, int]:
    return {one["reason"]: _satoshi(one["amount"]) for one in lines}


async def test_settled_payments_agree_to_the_satoshi(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paying.fund(4_000_000, 100_000)
    payment_id = await paying.withdraw(500_000)
    await paying.in_mempool(payment_id)
    await paying.mine(3)
    await paying.result(payment_id, "settled")
    await book(books, paying)
    (row,) = await paying.planned(payment_id)
    one = await found(emptied_database)
    rest = 4_100_000 - 500_000 - row["fee"]
    assert (_satoshi(one["nodes"]), _satoshi(one["ledger"])) == (rest, rest)
    assert (one["height"], one["block"]) == (
        paying.real.chain.height,
        paying.real.chain.tip.block.hash,
    )
    assert (one["open"], one["own"], one["agrees"]) == ([], "0.00000000", True)
    assert _satoshi(one["owed_to_customers"]) == 4_100_000 - 500_000


async def test_what_is_on_its_way_is_explained(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paying.fund(4_000_000)
    leaving = await paying.withdraw(500_000)
    await paying.in_mempool(leaving)
    coming, dust = await paying.deposit(200_000), await paying.deposit(1_000_000)
    for deposit, amount in ((coming, 200_000), (dust, 300)):
        paying.real.send(paying.real.faucet.payment([Output(amount, deposit.script)], rate=2_000))
    await paying.mine()
    await book(books, paying)
    (row,) = await paying.planned(leaving)
    one = await found(emptied_database)
    assert reasons(one["open"]) == {
        "withdrawal": -500_000 - row["fee"],
        "not_credited": 200_000,
        "dust": 300,
    }
    assert _satoshi(one["ledger"]) == 4_000_000
    text = (await run(emptied_database)).output
    assert "not_credited" in text
    assert "0.00200000" in text


async def test_a_sweep_keeps_the_money_in_the_books(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paying.fund(4_000_000)
    vault = Vault(paying)
    sweep = await vault.proposed()
    await vault.send(sweep)
    await paying.mine()
    await book(books, paying)
    one = await found(emptied_database)
    assert reasons(one["open"]) == {"network_fee": -sweep.fee}
    await paying.mine(2)
    await vault.run()
    await book(books, paying)
    one = await found(emptied_database)
    assert (one["open"], _satoshi(one["ledger"])) == ([], 4_000_000 - sweep.fee)


async def test_a_coin_that_somebody_else_moved_is_found(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paying.fund(4_000_000, 100_000)
    await book(books, paying)
    coin = await _steal(paying, 4_000_000)
    await paying.mine()
    one = await found(emptied_database, code=Exit.FINDING)
    assert one["differences"] == [{"reason": "nodes_differ", "name": coin, "amount": "-0.04000000"}]
    assert (one["nodes"], one["watcher"]) == ("0.00100000", "0.04100000")
    quiet = await run(emptied_database, "--quiet")
    assert (quiet.exit_code, quiet.output.strip()) == (Exit.FINDING, coin)


async def test_a_posting_too_much_and_one_too_few_are_found(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paying.fund(4_000_000, 100_000)
    rows = await paying.pool.fetch("select deposit_id from bitcoin.output order by satoshi")
    lost = str(rows[0]["deposit_id"])
    await book(books, paying, without=frozenset({lost}))
    much = await books.settled_deposit(70_000, 0, currency="BTC", method="bitcoin", rail="bitcoin")
    one = await found(emptied_database, code=Exit.FINDING)
    wrong = {
        line["name"]: (line["reason"], _satoshi(line["amount"])) for line in one["differences"]
    }
    assert wrong == {
        lost: ("booked_otherwise", 100_000),
        str(much.payment_id): ("booked_otherwise", -70_000),
    }
    await book(books, paying)
    one = await found(emptied_database, code=Exit.FINDING)
    assert [line["name"] for line in one["differences"]] == [str(much.payment_id)]


async def test_money_without_an_owner_is_held_in_suspense(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paying.fund(100_000)
    (row,) = await paying.pool.fetch("select address from bitcoin.output")
    again = Output(60_000, script_of(row["address"]))
    paying.real.send(paying.real.faucet.payment([again], rate=2_000))
    await paying.mine(3)
    await books.store.apply_results(await paying.received(), [])  # before its deposit is known
    await book(books, paying)
    one = await found(emptied_database)
    assert (one["open"], one["in_suspense"]) == ([], "0.00060000")


async def test_a_tip_that_the_watcher_has_not_read_is_not_compared(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paying.fund(100_000)
    await book(books, paying)
    paying.real.mine(1)
    done = await run(emptied_database)
    assert done.exit_code == Exit.UNREACHABLE
    assert "run it again" in done.output
    paying.endpoint.is_down = True
    assert (await run(emptied_database)).exit_code == Exit.UNREACHABLE


async def test_what_is_on_its_way_to_the_ledger_is_waited_for(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paying.fund(100_000)
    waiting = asyncio.create_task(run(emptied_database, "--json", "--wait", "60"))
    await book(books, paying)
    done = await waiting
    assert done.exit_code == Exit.OK, done.output


async def test_wrong_options_and_settings_are_named(emptied_database: str) -> None:
    done = await run(emptied_database, "--own", "BTC=1,5")
    assert done.exit_code == Exit.USAGE
    assert "--own BTC=1,5" in done.output
    done = await run(emptied_database, BITCOIN_RPC_URL=None)
    assert done.exit_code == Exit.USAGE
    assert "no chain is set up" in done.output


async def _steal(paying: Paying, satoshi: int) -> str:
    """Somebody with our keys moves a coin; returns its name."""
    row = await paying.pool.fetchrow(
        "select o.txid, o.vout, a.index"
        "  from bitcoin.output o join bitcoin.address a using (address) where o.satoshi = $1",
        satoshi,
    )
    assert row is not None
    coin = Input(row["txid"], row["vout"], satoshi, 0, row["index"])
    there = script_of(paying.real.outside.new_address())
    unsigned = build([Spent(coin.txid, coin.vout)], [Paid(there, satoshi - 5_000)], lock_time=0)
    await paying.clients[0].send(sign(unsigned, [coin], bitcoin_wallet.ACCOUNT))
    return coin.reference
