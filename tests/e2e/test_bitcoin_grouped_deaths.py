"""Bitcoin withdrawals that share transactions while watcher or signer die with SIGKILL.

Business rule: each is paid its amount once and has a receipt of its own, whoever dies.
"""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from cift_local.accounts import provider_book
from cift_local.customer import Merchant
from cift_local.stack import Options, open_api, running_stack
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
    ("crypto-watcher", "worker.before_call"),
    ("crypto-watcher", "worker.after_call"),
    ("crypto-watcher", "bitcoin.before_plan_commit"),
    ("crypto-watcher", "worker.after_check"),
    ("crypto-signer", "signer.before_sign"),
    ("crypto-signer", "signer.before_answer_commit"),
    ("crypto-signer", "signer.after_answer_commit"),
    ("crypto-watcher", "bitcoin.after_mark_sent"),
    ("crypto-watcher", "bitcoin.after_broadcast"),
    ("crypto-watcher", "bitcoin.before_settled_mark"),
    ("crypto-watcher", "bitcoin.after_settled_mark"),
)
AMOUNTS = ("0.01000000", "0.01000000", "0.00500000")
TOTAL = Decimal("0.025")


async def test_every_withdrawal_of_a_group_is_paid_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with throw_away_folder("bitcoin-groups") as folder:
        armed = {name: folder / f"{name}.failpoint" for name, _ in POINTS}
        options = Options(
            folder,
            speed=40,
            prefer_ports=False,
            extra_env={"CRYPTO_BTC_PAYOUTS_IN_TRANSACTION_MAX": "3"},
            service_env={name: {FAILPOINT_FILE: str(file)} for name, file in armed.items()},
            restart_pause_max_s=1.0,
        )
        async with running_stack(options) as stack:
            key = await open_api(stack, "m_groups")
            async with Merchant(stack.url("gateway"), key) as merchant:
                wallets = Wallets(stack)
                await funded(merchant, wallets)
                references = set()
                for service, point in POINTS:
                    references |= await paid(merchant, wallets, armed[service], point)
                await wallets.close()
            book = [one for one in await provider_book(stack) if one["kind"] == "withdrawal"]
            assert len(references) == len(POINTS) * len(AMOUNTS)
            assert {one["receipt"] for one in book if one["provider"] == "bitcoin"} == references
            assert len({one.partition(":")[0] for one in references}) < len(references)
            assert "ok" in stack.cift("verify-books")


async def funded(merchant: Merchant, wallets: Wallets) -> None:
    """A deposit in three coins that pays for all withdrawals."""
    amount = f"{TOTAL * (len(POINTS) + 1):.8f}"
    asked = await accepted(merchant, order("deposit", amount))
    address = (await merchant.reach(asked["id"], {"requires_action"}))["next_action"]["address"]
    sats = int(amount.replace(".", "")) // 3
    await wallets("pay", outputs=[{"address": address, "sats": sats}] * 3, confirm=BLOCKS)
    assert (await merchant.final(asked["id"]))["status"] == "completed"


async def paid(merchant: Merchant, wallets: Wallets, file: Path, point: str) -> set[str]:
    """Withdrawals at the same time, completed although somebody dies; their receipts."""
    orders = []
    for amount in AMOUNTS:
        address = (await wallets("addresses"))["address"]
        more = {"payment_method": {"bitcoin_address": address}}
        orders.append({**order("withdrawal", amount), **more})
    arm(file, point)
    asked = await asyncio.gather(*(accepted(merchant, one) for one in orders))
    open_states = {"pending", "processing", "completed"}
    found: list[dict[str, str]] = []

    async def ended() -> bool:
        await wallets("mine", blocks=1)
        found[:] = [await merchant.reach(one["id"], open_states) for one in asked]
        return all(one["status"] == "completed" for one in found) and not is_armed(file)

    assert await wait_until(ended, 120, every_s=0.5), f"{point}: {is_armed(file)}"
    return {one["provider_reference"] for one in found}
