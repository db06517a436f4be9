"""Bitcoin withdrawals while watcher or signer die with SIGKILL, at every place that matters.

Business rule: a withdrawal pays its amount once, whoever dies at whichever point.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_local.accounts import provider_book
from cift_local.customer import Merchant
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_local.waiting import wait_until
from cift_shared.settings import FAILPOINT_FILE
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(600)]

POINTS = (
    ("crypto-watcher", "worker.before_call"),
    ("crypto-watcher", "bitcoin.before_plan_commit"),
    ("crypto-watcher", "bitcoin.after_plan_commit"),
    ("crypto-watcher", "worker.after_call"),
    ("crypto-signer", "signer.before_sign"),
    ("crypto-signer", "signer.before_answer_commit"),
    ("crypto-signer", "signer.after_answer_commit"),
    ("crypto-watcher", "bitcoin.after_mark_sent"),
    ("crypto-watcher", "bitcoin.before_broadcast"),
    ("crypto-watcher", "bitcoin.after_broadcast"),
    ("crypto-watcher", "bitcoin.before_block_commit"),
    ("crypto-watcher", "bitcoin.before_settled_mark"),
    ("crypto-watcher", "bitcoin.after_settled_mark"),
)
AMOUNT, SATS = "0.01000000", 1_000_000
BLOCKS = 3


class Wallets:
    """The node's faucet, miner and addresses of others."""

    def __init__(self, stack: Stack) -> None:
        self._http = httpx.AsyncClient(base_url=stack.url("bitcoin-node"), timeout=30)

    async def __call__(self, path: str, **body: Any) -> dict[str, Any]:
        reply = await self._http.post(f"/control/{path}", json=body)
        reply.raise_for_status()
        return dict(reply.json())

    async def close(self) -> None:
        await self._http.aclose()


async def test_every_withdrawal_is_paid_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with throw_away_folder("bitcoin-deaths") as folder:
        armed = {name: folder / f"{name}.failpoint" for name, _ in POINTS}
        options = Options(
            folder,
            speed=40,
            prefer_ports=False,
            service_env={name: {FAILPOINT_FILE: str(file)} for name, file in armed.items()},
            restart_pause_max_s=1.0,
        )
        async with running_stack(options) as stack:
            key = await open_api(stack, "m_deaths")
            async with Merchant(stack.url("gateway"), key) as merchant:
                wallets = Wallets(stack)
                await funded(merchant, wallets)
                for service, point in POINTS:
                    await paid_although_it_dies(merchant, wallets, armed[service], point)
                await wallets.close()
            await nothing_else_moved(stack)


async def funded(merchant: Merchant, wallets: Wallets) -> None:
    """A deposit that pays for all withdrawals."""
    amount = f"{Decimal(AMOUNT) * (len(POINTS) + 1):.8f}"
    asked = await accepted(merchant, order("deposit", amount))
    waiting = await merchant.reach(asked["id"], {"requires_action"})
    sats = int(amount.replace(".", ""))
    address = waiting["next_action"]["address"]
    await wallets("pay", outputs=[{"address": address, "sats": sats}], confirm=BLOCKS)
    assert (await merchant.final(asked["id"]))["status"] == "completed"


async def paid_although_it_dies(
    merchant: Merchant, wallets: Wallets, file: Path, point: str
) -> None:
    address = (await wallets("addresses"))["address"]
    more = {"payment_method": {"bitcoin_address": address}}
    arm(file, point)
    asked = await accepted(merchant, {**order("withdrawal", AMOUNT), **more})

    async def ended() -> bool:
        await wallets("mine", blocks=1)
        payment = await merchant.reach(asked["id"], {"pending", "processing", "completed"})
        return bool(payment["status"] == "completed" and not is_armed(file))

    assert await wait_until(ended, 120, every_s=0.5), f"{point}: {is_armed(file)}"


def arm(file: Path, point: str) -> None:
    """The process dies at its next pass of this point."""
    file.write_text(point)


def is_armed(file: Path) -> bool:
    """True until it has died."""
    return file.exists()


async def nothing_else_moved(stack: Stack) -> None:
    """The chain has each withdrawal once."""
    book = [one for one in await provider_book(stack) if one["provider"] == "bitcoin"]
    paid = [one for one in book if one["kind"] == "withdrawal"]
    assert [one["amount"] for one in paid] == [str(SATS)] * len(POINTS)
    assert len({one["provider_ids"]["address"] for one in paid}) == len(POINTS)
    assert "ok" in stack.cift("verify-books")


async def accepted(merchant: Merchant, wanted: dict[str, Any]) -> dict[str, Any]:
    """The payment, once the rail can take it."""
    found: list[dict[str, Any]] = []

    async def taken() -> bool:
        reply = await merchant.pay(wanted)
        if reply.is_success:
            found.append(reply.json())
        return reply.is_success

    assert await wait_until(taken, 60, every_s=0.5)
    return found[0]


def order(kind: str, amount: str) -> dict[str, Any]:
    return {
        "type": kind,
        "method": "bitcoin",
        "amount": amount,
        "currency": "BTC",
        "customer_id": "cus_deaths",
    }
