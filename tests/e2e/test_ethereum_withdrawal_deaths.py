"""Ethereum withdrawals while watcher or signer die with SIGKILL, at every place that matters.

Business rule: a withdrawal pays its amount once, whoever dies at whichever point.
"""

from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_local.accounts import provider_book
from cift_local.customer import Merchant
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_local.waiting import wait_until
from cift_shared.settings import FAILPOINT_FILE
from tests.e2e.test_bitcoin_withdrawal_deaths import accepted, arm, is_armed
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(600)]

POINTS = (
    ("crypto-watcher", "worker.before_call"),
    ("crypto-watcher", "ethereum.before_plan_commit"),
    ("crypto-watcher", "ethereum.after_plan_commit"),
    ("crypto-watcher", "worker.after_call"),
    ("crypto-signer", "ethereum_signer.before_sign"),
    ("crypto-signer", "ethereum_signer.before_answer_commit"),
    ("crypto-signer", "ethereum_signer.after_answer_commit"),
    ("crypto-watcher", "ethereum.after_mark_sent"),
    ("crypto-watcher", "ethereum.before_broadcast"),
    ("crypto-watcher", "ethereum.after_broadcast"),
    ("crypto-watcher", "ethereum.before_block_commit"),
    ("crypto-watcher", "ethereum.before_account_commit"),
    ("crypto-watcher", "ethereum.after_account_commit"),
    ("crypto-watcher", "ethereum.before_settled_mark"),
    ("crypto-watcher", "ethereum.after_settled_mark"),
)
TOKEN_POINTS = (
    ("crypto-watcher", "ethereum.before_plan_commit"),
    ("crypto-watcher", "ethereum.after_plan_commit"),
    ("crypto-signer", "ethereum_signer.before_answer_commit"),
    ("crypto-signer", "ethereum_signer.after_answer_commit"),
    ("crypto-watcher", "ethereum.after_broadcast"),
    ("crypto-watcher", "ethereum.before_block_commit"),
    ("crypto-watcher", "ethereum.before_account_commit"),
    ("crypto-watcher", "ethereum.before_settled_mark"),
    ("crypto-watcher", "ethereum.after_settled_mark"),
)
"""Where a token is stored, signed, sent and read; the rest is as for ether."""
AMOUNTS = {"ETH": "0.01", "USDC": "5"}
UNITS = {"ETH": 10**16, "USDC": 5 * 10**6}
FUNDS = {"ETH": ("0.5", 5 * 10**17), "USDC": ("200", 200 * 10**6)}
BLOCKS = 3
FINAL = 9


class Chain:
    """The node's faucet, its miner, and addresses of others."""

    def __init__(self, stack: Stack) -> None:
        self._http = httpx.AsyncClient(base_url=stack.url("ethereum-node"), timeout=30)

    async def __call__(self, path: str, **body: Any) -> dict[str, Any]:
        reply = await self._http.post(f"/control/{path}", json=body)
        reply.raise_for_status()
        return dict(reply.json())

    async def close(self) -> None:
        await self._http.aclose()


async def test_every_withdrawal_is_paid_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with throw_away_folder("ethereum-deaths") as folder:
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
                chain = Chain(stack)
                for currency, points in (("ETH", POINTS), ("USDC", TOKEN_POINTS)):
                    await funded(merchant, chain, currency)
                    for service, point in points:
                        await paid_although_it_dies(
                            merchant, chain, armed[service], point, currency
                        )
                await chain.close()
            await nothing_else_moved(stack)


async def funded(merchant: Merchant, chain: Chain, currency: str) -> None:
    """The customer has enough for every withdrawal."""
    amount, units = FUNDS[currency]
    asked = await accepted(merchant, order("deposit", amount, currency))
    shown = await merchant.reach(asked["id"], {"requires_action"})
    token = {} if currency == "ETH" else {"token": currency}
    address = shown["next_action"]["address"]
    await chain("pay", address=address, amount=str(units), confirm=FINAL, **token)
    assert (await merchant.final(asked["id"]))["status"] == "completed"


async def paid_although_it_dies(
    merchant: Merchant, chain: Chain, file: Path, point: str, currency: str
) -> None:
    address = (await chain("addresses"))["address"]
    more = {"payment_method": {"ethereum_address": address}}
    arm(file, point)
    asked = await accepted(merchant, {**order("withdrawal", AMOUNTS[currency], currency), **more})

    async def ended() -> bool:
        await chain("mine", blocks=BLOCKS)
        payment = await merchant.reach(asked["id"], {"pending", "processing", "completed"})
        return bool(payment["status"] == "completed" and not is_armed(file))

    assert await wait_until(ended, 120, every_s=0.5), f"{point}: {is_armed(file)}"


async def nothing_else_moved(stack: Stack) -> None:
    """The chain has each withdrawal once."""
    book = [one for one in await provider_book(stack) if one["provider"] == "ethereum"]
    paid = [one for one in book if one["kind"] == "withdrawal"]
    expected = [("ETH", str(UNITS["ETH"]))] * len(POINTS)
    expected += [("USDC", str(UNITS["USDC"]))] * len(TOKEN_POINTS)
    assert [(one["currency"], one["amount"]) for one in paid] == expected
    assert len({one["provider_ids"]["address"] for one in paid}) == len(expected)
    assert "ok" in stack.cift("verify-books")


def order(kind: str, amount: str, currency: str) -> dict[str, Any]:
    return {
        "type": kind,
        "method": "ethereum",
        "amount": amount,
        "currency": currency,
        "customer_id": "cus_deaths",
    }
