"""`cift wallet reserves` for ether and tokens: chain, watcher and ledger to the wei."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chain_watch.libwally import wally
from cift_shared.cli import Exit
from ethereum_watcher.client import EthereumNode
from tests.integration.crypto_watcher.booked import book
from tests.integration.ethereum_watcher.payout_harness import (
    HOT,
    TOKEN,
    Paying,
    open_paying,
    stranger,
)
from tests.integration.ethereum_watcher.test_payout_nonces import refused_before_another
from tests.integration.ledger.books import Books, open_books
from tests.support import ethereum, ethereum_wallet
from tests.support.command_output import document_in
from tests.support.ethereum import CHAIN_ID, ETHER
from tests.support.ethereum_keys import Wallet
from wallet_keys.cli import wallet

pytestmark = pytest.mark.integration

ENV = {
    "ETHEREUM_RPC_URL": "http://127.0.0.1:1/",
    "CRYPTO_ETH_CHAIN_ID": str(CHAIN_ID),
    "CRYPTO_ETH_XPUB": ethereum_wallet.ACCOUNT.xpub,
    "CRYPTO_ETH_TOKENS": ethereum.TOKENS,
}


@pytest.fixture
async def paying(emptied_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Paying]:
    settings = {"consolidate_worth": 10, "consolidate_token_min": 20}
    async with open_paying(emptied_database, **settings) as opened:

        def nodes(_: Any) -> list[EthereumNode]:
            return opened.clients()

        monkeypatch.setattr("crypto_watcher.reserves.ethereum_nodes", nodes)
        yield opened


@pytest.fixture
async def books(emptied_database: str) -> AsyncIterator[Books]:
    async with open_books(emptied_database) as opened:
        yield opened


async def run(database: str, *words: str) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke,
        wallet,
        ["reserves", "--wait", "0", "--json", *words],
        env={**ENV, "DATABASE_URL": database},
    )


async def found(database: str, *words: str, code: Exit = Exit.OK) -> dict[str, dict[str, Any]]:
    """What was found, by currency."""
    done = await run(database, *words)
    assert done.exit_code == code, done.output
    by_currency = {one["currency"]: one for one in document_in(done.output)}
    for one in by_currency.values():
        parts = [*one["open"], *one["differences"]]
        named = sum(_units(part["amount"]) for part in parts)
        assert named + _units(one["ledger"]) + _units(one["own"]) == _units(one["nodes"])
    return by_currency


def _units(text: str) -> int:
    return int(text.replace(".", ""))


def reasons(one: dict[str, Any], which: str = "open") -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for line in one[which]:
        found[line["reason"]] += _units(line["amount"])
    return dict(found)


async def paid_in(paying: Paying) -> None:
    """A deposit of 2 ether and one of 50 USDC, credited; the account that pays has its own."""
    await paying.fund(5 * ETHER)
    await paying.fund_token(500 * TOKEN)
    ether = await paying.deposit(2 * ETHER)
    tokens = await paying.deposit(50 * TOKEN, currency="USDC")
    ether.pay(2 * ETHER)
    tokens.pay_token(50 * TOKEN)
    await paying.mined()
    await paying.final()
    await ether.reach("settled")
    await tokens.reach("settled")


async def test_deposits_withdrawals_and_own_money_agree_to_the_wei(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    first = await paying.withdraw(ETHER)
    await paying.in_pool(first)
    fee = (await paying.settled(first)).provider_fee.minor
    second = await paying.withdraw(10 * TOKEN, currency="USDC")
    await paying.in_pool(second)
    fee += (await paying.settled(second)).provider_fee.minor
    await book(books, paying)
    one = await found(emptied_database)
    ether, usdc = one["ETH"], one["USDC"]
    assert (ether["open"], usdc["open"]) == ([], [])
    assert _units(ether["nodes"]) == 7 * ETHER - ETHER - fee
    assert _units(ether["ledger"]) == 2 * ETHER - ETHER - fee
    assert (_units(ether["own"]), _units(usdc["own"])) == (5 * ETHER, 500 * TOKEN)
    assert _units(usdc["ledger"]) == 40 * TOKEN
    assert ether["height"] == paying.node.height
    assert ether["final_height"] == paying.node.height - 8
    await found(emptied_database, "--own", "ETH=5", "--own", "USDC=500")


async def test_what_is_on_its_way_is_explained(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    leaving = await paying.withdraw(ETHER)
    await paying.in_pool(leaving)
    coming = await paying.deposit(ETHER)
    coming.pay(ETHER // 2)
    coming.pay(ETHER // 4, by_contract=True)
    await paying.mined()
    await book(books, paying)
    one = await found(emptied_database, "--own", "ETH=5")
    opened = reasons(one["ETH"])
    assert opened.pop("withdrawal") < 0
    assert {line["name"] for line in one["ETH"]["open"]} >= {coming.address, str(leaving)}
    assert opened == {"not_credited": ETHER // 2, "not_found_yet": ETHER // 4}


async def test_what_is_moved_between_our_addresses_stays_ours(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    await paying.consolidate(2)
    await paying.mined()
    await book(books, paying)
    one = await found(emptied_database, "--own", "ETH=5")
    opened = reasons(one["ETH"])
    fee = -opened.pop("network_fee")
    assert opened == {}
    assert _units(one["ETH"]["nodes"]) == 7 * ETHER - fee
    await paying.final()
    assert len(await paying.charges()) == 2  # of ether, and of gas for the tokens
    await book(books, paying)
    one = await found(emptied_database, "--own", "ETH=5")
    assert (one["ETH"]["open"], _units(one["ETH"]["ledger"])) == ([], 2 * ETHER - fee)
    assert one["USDC"]["open"] == []


async def test_tokens_and_their_gas_stay_ours_at_every_step(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    before, moved = paying.token_balance(HOT), False
    for _ in range(8):
        await paying.consolidate(2)
        await paying.mined()
        await book(books, paying)
        one = await found(emptied_database, "--own", "ETH=5", "--own", "USDC=500")
        assert set(reasons(one["ETH"])) <= {"network_fee"}
        assert one["USDC"]["open"] == []
        await paying.final()
        await paying.charges()
        moved = moved or paying.token_balance(HOT) > before
    assert moved
    await book(books, paying)
    one = await found(emptied_database, "--own", "ETH=5", "--own", "USDC=500")
    assert (one["ETH"]["open"], _units(one["USDC"]["ledger"])) == ([], 50 * TOKEN)


async def test_ether_that_a_stranger_has_sent_is_found(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    await book(books, paying)
    raw, name = stranger().sign(0, paying.somebody(), ETHER // 10)
    paying.node.send(raw)
    await paying.mined()
    one = await found(emptied_database, code=Exit.FINDING)
    (line,) = one["ETH"]["differences"]
    assert (line["reason"], line["name"]) == ("moved_by_others", name)
    assert _units(one["ETH"]["own"]) == 5 * ETHER - ETHER // 10
    one = await found(emptied_database, "--own", "ETH=5", code=Exit.FINDING)
    wrong = reasons(one["ETH"], "differences")
    assert wrong["unexplained"] == -(ETHER // 10)


async def test_an_address_of_a_deposit_that_was_emptied_is_found(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    await book(books, paying)
    row = await paying.pool.fetchrow(
        "select index, address from ethereum.address join ethereum.arrival using (address)"
        " where currency = 'ETH'"
    )
    assert row is not None
    thief = Wallet(int.from_bytes(_key(row["index"])))
    raw, name = thief.sign(0, paying.somebody(), ETHER)
    paying.node.send(raw)
    await paying.mined()
    one = await found(emptied_database, code=Exit.FINDING)
    (line,) = one["ETH"]["differences"]
    assert (line["reason"], line["name"]) == ("moved_by_others", name)
    assert _units(line["amount"]) < -ETHER
    assert _units(one["ETH"]["own"]) == 5 * ETHER


async def test_tokens_that_have_left_an_address_are_found(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    await book(books, paying)
    address = await paying.pool.fetchval(
        "select address from ethereum.arrival where currency = 'USDC'"
    )
    account = address[2:].lower()

    def lie(params: list[Any], result: Any) -> Any:
        return "0x" + (TOKEN).to_bytes(32).hex() if account in params[0]["data"] else result

    paying.node.lies["eth_call"] = lie
    one = await found(emptied_database, code=Exit.FINDING)
    assert one["USDC"]["differences"] == [
        {"reason": "nodes_differ", "name": address, "amount": "-49.000000"}
    ]
    assert one["ETH"]["differences"] == []


async def test_a_posting_too_much_is_found(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    await book(books, paying)
    much = await books.settled_deposit(
        9 * TOKEN, 0, currency="USDC", method="ethereum", rail="ethereum"
    )
    one = await found(emptied_database, code=Exit.FINDING)
    assert one["USDC"]["differences"] == [
        {"reason": "booked_otherwise", "name": str(much.payment_id), "amount": "-9.000000"}
    ]


async def test_a_refused_withdrawal_costs_its_fee_only(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    gone = await paying.withdraw(ETHER)
    await paying.in_pool(gone)
    await paying.mined()
    await paying.pool.execute("update ethereum.hot_transaction set succeeded = false")
    await paying.final()
    await paying.reach(gone, "declined")
    await book(books, paying)
    one = await found(emptied_database, "--own", "ETH=5", code=Exit.FINDING)
    assert reasons(one["ETH"]) == {}
    assert reasons(one["ETH"], "differences") == {"unexplained": -ETHER}  # it did leave


async def test_the_fee_of_a_filled_nonce_is_open_until_the_ledger_has_it(
    paying: Paying, books: Books, emptied_database: str
) -> None:
    await paid_in(paying)
    _, signed = await refused_before_another(paying)
    await paying.in_pool(signed)
    await paying.fill()
    await paying.fill()
    await paying.settled(signed)
    await book(books, paying)
    one = await found(emptied_database, "--own", "ETH=5")
    (fee,) = one["ETH"]["open"]
    assert (fee["reason"], _units(fee["amount"]) < 0) == ("network_fee", True)
    assert len(await paying.charges()) == 1
    await book(books, paying)
    one = await found(emptied_database, "--own", "ETH=5")
    assert one["ETH"]["open"] == []


async def test_the_account_that_pays_is_asked_at_the_same_block(
    paying: Paying, emptied_database: str
) -> None:
    await paying.fund()
    paying.node.mine()
    one = await found(emptied_database)  # the nodes are one block ahead
    assert one["ETH"]["height"] == paying.node.height - 1
    assert _units(one["ETH"]["own"]) == 5 * ETHER == paying.balance(HOT)


def _key(index: int) -> bytes:
    """The private key of a deposit's address."""
    return bytes(wally.bip32_key_get_priv_key(ethereum_wallet.ACCOUNT._child(0, index)))
