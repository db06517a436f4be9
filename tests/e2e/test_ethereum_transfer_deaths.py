"""Deposits are moved to the account that pays while watcher or signer die with SIGKILL, in turn.

Business rule: what moves stays ours, each transaction is in the chain once, the ledger knows each
fee, and the ether for gas is nobody's deposit.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cift_local.accounts import provider_book
from cift_local.customer import Merchant
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_local.waiting import wait_until
from cift_shared.settings import FAILPOINT_FILE
from tests.e2e.test_bitcoin_withdrawal_deaths import accepted, arm, is_armed
from tests.e2e.test_ethereum_withdrawal_deaths import BLOCKS, FINAL, Chain, order
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(900)]

POINTS = (
    ("crypto-watcher", "ethereum.before_consolidation_commit"),
    ("crypto-watcher", "ethereum.after_consolidation_commit"),
    ("crypto-signer", "ethereum_signer.before_answer_commit"),
    ("crypto-signer", "ethereum_signer.after_answer_commit"),
    ("crypto-watcher", "ethereum.after_mark_sent"),
    ("crypto-watcher", "ethereum.after_broadcast"),
    ("crypto-watcher", "ethereum.before_charge_commit"),
    ("crypto-watcher", "ethereum.after_charge_commit"),
)
TOKEN_POINTS = (
    ("crypto-watcher", "ethereum.after_consolidation_commit"),
    ("crypto-watcher", "ethereum.before_consolidation_commit:2"),
    ("crypto-signer", "ethereum_signer.after_answer_commit:2"),
    ("crypto-watcher", "ethereum.after_broadcast"),
    ("crypto-watcher", "ethereum.after_charge_commit"),
)
"""The second pass is that of the tokens, after their gas."""
AMOUNTS = {"ETH": "0.01", "USDC": "25"}
UNITS = {"ETH": 10**16, "USDC": 25 * 10**6}
MOVES = {"ETH": 1, "USDC": 2}
"""Transactions of ours for each deposit: of tokens, the ether for their gas, too."""
SETTINGS = {"CRYPTO_ETH_CONSOLIDATE_WORTH": "10", "CRYPTO_ETH_CONSOLIDATE_MIN_TOKEN": "20"}
WEI = Decimal(10) ** 18


async def test_every_deposit_is_moved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with throw_away_folder("ethereum-transfers") as folder:
        armed = {name: folder / f"{name}.failpoint" for name, _ in POINTS}
        options = Options(
            folder,
            speed=40,
            prefer_ports=False,
            extra_env=SETTINGS,
            service_env={name: {FAILPOINT_FILE: str(file)} for name, file in armed.items()},
            restart_pause_max_s=1.0,
        )
        async with running_stack(options) as stack:
            key = await open_api(stack, "m_transfers")
            async with Merchant(stack.url("gateway"), key) as merchant:
                chain, moves = Chain(stack), 0
                for currency, points in (("ETH", POINTS), ("USDC", TOKEN_POINTS)):
                    for service, point in points:
                        moves += MOVES[currency]
                        await moved(stack, merchant, chain, (armed[service], point), currency)
                        await all_booked(stack, chain, moves, point)
                await chain.close()
            await nothing_else_moved(stack)


async def moved(
    stack: Stack, merchant: Merchant, chain: Chain, death: tuple[Path, str], currency: str
) -> None:
    """A deposit is credited, and the process dies meanwhile or later."""
    file, point = death
    asked = await accepted(merchant, order("deposit", AMOUNTS[currency], currency))
    shown = await merchant.reach(asked["id"], {"requires_action"})
    arm(file, point)
    token = {} if currency == "ETH" else {"token": currency}
    address = shown["next_action"]["address"]
    await chain("pay", address=address, amount=str(UNITS[currency]), confirm=FINAL, **token)
    assert (await merchant.final(asked["id"]))["status"] == "completed"

    async def died() -> bool:
        await chain("mine", blocks=BLOCKS)
        return not is_armed(file)

    assert await wait_until(died, 120, every_s=0.5), point


async def all_booked(stack: Stack, chain: Chain, moves: int, point: str) -> None:
    """Our transactions in the chain are so many, and the ledger has just their fees."""

    async def booked() -> bool:
        await chain("mine", blocks=BLOCKS)
        fees = [int(one["fee"]) for one in await own_moves(stack)]
        return len(fees) == moves and sum(fees) == costs(stack)

    assert await wait_until(booked, 120, every_s=0.5), f"{point}: {costs(stack)}"


async def own_moves(stack: Stack) -> list[dict[str, Any]]:
    book = [one for one in await provider_book(stack) if one["provider"] == "ethereum"]
    return [one for one in book if one["kind"] == "move"]


async def nothing_else_moved(stack: Stack) -> None:
    """The chain has each deposit once, and all our accounts what the ledger says."""
    book = [one for one in await provider_book(stack) if one["provider"] == "ethereum"]
    paid = [(one["currency"], int(one["amount"])) for one in book if one["kind"] == "payment"]
    expected = [("ETH", UNITS["ETH"])] * len(POINTS)
    expected += [("USDC", UNITS["USDC"])] * len(TOKEN_POINTS)
    assert paid == expected
    assert {one["kind"] for one in book} == {"payment", "move"}
    ether = sum(amount for currency, amount in paid if currency == "ETH")
    assert posted(stack, ["provider:ethereum:ETH"]) == ether - costs(stack)
    hot = held(stack)
    assert hot["USDC"]["reserved"] == "0.000000"
    assert "ok" in stack.cift("verify-books")


def costs(stack: Stack) -> int:
    """What the ledger knows of fees, in wei."""
    return posted(stack, ["provider-costs:ethereum:ETH"])


def posted(stack: Stack, accounts: Iterable[str]) -> int:
    """The debits of accounts, less their credits, in wei."""
    facts = json.loads(stack.cift("ledger", "trial-balance", "--currency", "ETH", "--json"))
    found = [one for one in facts["accounts"] if one["account"] in accounts]
    return int(sum(Decimal(one["debit"]) - Decimal(one["credit"]) for one in found) * WEI)


def held(stack: Stack) -> dict[str, dict[str, Any]]:
    """What the account that pays has, by currency."""
    found = json.loads(stack.cift("wallet", "balance", "--json"))
    return {one["currency"]: one for one in found if one["chain"] == "ethereum"}
