"""Small coins are put together while watcher or signer die with SIGKILL, at every place in turn.

Business rule: the coins stay ours, each transaction is sent once, and the ledger knows each fee.
"""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from cift_local.customer import Merchant
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_local.waiting import wait_until
from cift_shared.settings import FAILPOINT_FILE
from tests.e2e.test_bitcoin_withdrawal_deaths import (
    BLOCKS,
    Wallets,
    accepted,
    arm,
    is_armed,
    order,
)
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(600)]

POINTS = (
    ("crypto-watcher", "bitcoin.before_consolidation_commit"),
    ("crypto-watcher", "bitcoin.after_consolidation_commit"),
    ("crypto-signer", "signer.before_transfer_commit"),
    ("crypto-signer", "signer.after_transfer_commit"),
    ("crypto-watcher", "bitcoin.after_mark_sent"),
    ("crypto-watcher", "bitcoin.before_transfer_broadcast"),
    ("crypto-watcher", "bitcoin.after_transfer_broadcast"),
    ("crypto-watcher", "bitcoin.before_charge_commit"),
    ("crypto-watcher", "bitcoin.after_charge_commit"),
)
AMOUNT, SATS, COINS = "0.00150000", 50_000, 3
SETTINGS = {
    "CRYPTO_BTC_CONSOLIDATE_FEE_MAX": "10",
    "CRYPTO_BTC_CONSOLIDATE_COINS": "2",
    "CRYPTO_BTC_CONSOLIDATE_SATOSHI": str(SATS),
    "CRYPTO_BTC_CONSOLIDATE_EVERY_S": "1",
    "CRYPTO_SIGNER_TRANSFERS_DAY_MAX": "1000",
}
FEE = Decimal("0.00002460")
"""246 virtual bytes at 10 satoshi."""


async def test_every_fee_is_paid_and_booked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with throw_away_folder("bitcoin-transfers") as folder:
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
                wallets = Wallets(stack)
                for number, (service, point) in enumerate(POINTS, 1):
                    await put_together(stack, merchant, wallets, (armed[service], point), number)
                await wallets.close()
            assert "ok" in stack.cift("verify-books")


async def put_together(
    stack: Stack, merchant: Merchant, wallets: Wallets, death: tuple[Path, str], number: int
) -> None:
    """Three small coins arrive, one is left, although somebody dies meanwhile."""
    file, point = death
    asked = await accepted(merchant, order("deposit", AMOUNT))
    address = (await merchant.reach(asked["id"], {"requires_action"}))["next_action"]["address"]
    arm(file, point)
    await wallets("pay", outputs=[{"address": address, "sats": SATS}] * COINS, confirm=BLOCKS)
    assert (await merchant.final(asked["id"]))["status"] == "completed"
    received = number * Decimal(AMOUNT)

    async def booked() -> bool:
        await wallets("mine", blocks=1)
        return not is_armed(file) and costs(stack) == number * FEE

    assert await wait_until(booked, 120, every_s=0.5), f"{point}: {costs(stack)}"
    assert held(stack) == received - number * FEE


def costs(stack: Stack) -> Decimal:
    """What the ledger knows of fees."""
    facts = json.loads(stack.cift("ledger", "trial-balance", "--currency", "BTC", "--json"))
    return sum(
        (
            Decimal(line["debit"])
            for line in facts["accounts"]
            if line["account"] == "provider-costs:bitcoin:BTC"
        ),
        Decimal(0),
    )


def held(stack: Stack) -> Decimal:
    """What the hot wallet has in blocks; nothing is under way."""
    found = json.loads(stack.cift("wallet", "balance", "--json"))
    (one,) = [chain for chain in found if chain["chain"] == "bitcoin"]
    assert (one["reserved"], one["unconfirmed"]) == ("0.00000000", "0.00000000")
    return Decimal(one["confirmed"])
