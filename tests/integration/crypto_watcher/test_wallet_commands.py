"""`cift wallet balance` and `sweep`: what operators see and do."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bitcoin_watcher.client import BitcoinNode
from cift_shared.cli import Exit
from cift_shared.database.connecting import database as connected
from cift_shared.ids import SystemIds
from tests.integration.crypto_watcher.payout_harness import Paying, open_paying
from tests.integration.crypto_watcher.test_sweeps import COLD, LIMITS
from tests.support import bitcoin_wallet, ethereum
from tests.support.command_output import document_in
from wallet_keys.cli import wallet

pytestmark = pytest.mark.integration

ENV = {
    "BITCOIN_RPC_URL": "http://127.0.0.1:1/",
    "CRYPTO_BTC_NETWORK": "regtest",
    "CRYPTO_BTC_XPUB": bitcoin_wallet.ACCOUNT.xpub,
    "CRYPTO_BTC_DEPOSIT_ADDRESS": COLD,
    "CRYPTO_BTC_HOT_FLOOR_SATOSHI": "1000000",
    "CRYPTO_BTC_HOT_CEILING_SATOSHI": "3000000",
    "CRYPTO_BTC_FEE_FLOOR": "10",
    "CRYPTO_BTC_FEE_CEILING": "10",
}


@pytest.fixture
async def paying(emptied_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database, **LIMITS) as opened:

        def nodes(_: Any) -> list[BitcoinNode]:
            return [opened._client(opened.endpoint)]

        monkeypatch.setattr("bitcoin_watcher.wallet.nodes_of", nodes)
        yield opened


async def run(database: str, *words: str, **env: str | None) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke, wallet, words, env={**ENV, "DATABASE_URL": database, **env}
    )


def document(done: Result) -> Any:
    assert done.exit_code == 0, done.output
    return document_in(done.output)


async def test_the_balance_of_bitcoin(paying: Paying, emptied_database: str) -> None:
    await paying.fund(4_000_000, 100_000)
    payment_id = await paying.withdraw(100_000)
    await paying.in_mempool(payment_id)
    (row,) = await paying.planned(payment_id)
    (found,) = document(await run(emptied_database, "balance", "--json"))
    change = 4_000_000 - 100_000 - row["fee"]
    assert found == {
        "chain": "bitcoin",
        "currency": "BTC",
        "address": None,
        "confirmed": "0.04100000",
        "unconfirmed": f"{change / 10**8:.8f}",
        "reserved": "0.04000000",
        "free": "0.00100000",
        "deposits": None,
        "floor": "0.01000000",
        "ceiling": "0.03000000",
    }


async def test_the_balance_of_ether(paying: Paying, emptied_database: str) -> None:
    config = ethereum.config()
    key = config.key()
    assert key is not None
    await _admin(
        emptied_database,
        "insert into ethereum.hot_account (sender, height, chain_nonce, wei) values ($1, 9, 1, $2)",
        key.hot.script,
        10**18,
    )
    contract = bytes.fromhex(ethereum.CONTRACTS["USDC"].removeprefix("0x"))
    await _admin(
        emptied_database,
        "insert into ethereum.hot_token (sender, contract, amount) values ($1, $2, 7000000)",
        key.hot.script,
        contract,
    )
    stored = (
        "insert into ethereum.payout"
        " (payment_id, sender, account, wei, is_filler, nonce, contract)"
        " values ($1, $2, $3, $4, false, $5, $6)"
    )
    version = (
        "insert into ethereum.spend (payment_id, version, unsigned, gas, max_fee, tip)"
        " values ($1, 1, '', 21000, 10, 1)"
    )
    for nonce, (wei, token) in enumerate([(500, None), (2_000_000, contract)], 1):
        payment_id = SystemIds().new_id()
        args = payment_id, key.hot.script, b"\x01" * 20, wei, nonce, token
        await _admin(emptied_database, stored, *args)
        await _admin(emptied_database, version, payment_id)
    env = {
        "ETHEREUM_RPC_URL": "http://127.0.0.1:1/",
        "CRYPTO_ETH_CHAIN_ID": str(config.chain_id),
        "CRYPTO_ETH_XPUB": str(config.xpub),
        "CRYPTO_ETH_TOKENS": f"USDC={ethereum.CONTRACTS['USDC']}",
    }
    _, ether, usdc = document(await run(emptied_database, "balance", "--json", **env))
    assert (ether["chain"], ether["address"]) == ("ethereum", key.hot.address)
    assert (ether["confirmed"], ether["unconfirmed"]) == ("1.000000000000000000", None)
    assert ether["reserved"] == "0.000000000000420500"  # 500 wei, and two fees of 210,000
    assert (usdc["confirmed"], usdc["reserved"], usdc["free"]) == (
        "7.000000", "2.000000", "5.000000",
    )  # fmt: skip
    assert (ether["deposits"], usdc["deposits"]) == ("0.000000000000000000", "0.000000")


async def test_without_a_wallet_there_is_no_balance(emptied_database: str) -> None:
    env: dict[str, str | None] = {"CRYPTO_BTC_XPUB": None}
    done = await run(emptied_database, "balance", **env)
    assert done.exit_code == Exit.USAGE
    assert "no chain has a hot wallet" in done.output


async def test_a_sweep_is_proposed_shown_again_and_released(
    paying: Paying, emptied_database: str
) -> None:
    assert document(await run(emptied_database, "sweep", "--json"))["sweep"] is None
    await paying.fund(4_000_000)
    first = document(await run(emptied_database, "sweep", "--json"))
    sweep = first["sweep"]
    assert (sweep["address"], sweep["is_seen"]) == (COLD, False)
    assert float(sweep["amount"]) + float(sweep["network_fee"]) == pytest.approx(0.02)
    assert first["free"] == "0.00000000"
    text = await run(emptied_database, "sweep")
    assert f"psbt: {sweep['psbt']}" in text.output
    done = await run(emptied_database, "sweep", "--release", sweep["txid"], "--quiet")
    assert (done.exit_code, done.output.strip()) == (0, sweep["txid"])
    again = await run(emptied_database, "sweep", "--release", sweep["txid"])
    assert again.exit_code == Exit.REFUSED
    assert "released before" in again.output


async def test_without_a_cold_address_the_setting_is_named(
    paying: Paying, emptied_database: str
) -> None:
    env: dict[str, str | None] = {"CRYPTO_BTC_DEPOSIT_ADDRESS": None}
    done = await run(emptied_database, "sweep", **env)
    assert done.exit_code == Exit.USAGE
    assert "CRYPTO_BTC_DEPOSIT_ADDRESS" in done.output


async def _admin(database: str, statement: str, *args: Any) -> None:
    async with connected(database, role="cift_ethereum") as connection:
        await connection.execute(statement, *args)
