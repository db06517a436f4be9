"""The seed's settings with a key of the explorer: one address, and two sources that must agree.

Business rule: money at the shared address is credited once nodes and explorer have the same, and
until then the payment says why it waits.
"""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from cift_local.customer import Merchant
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_local.waiting import wait_until
from tests.e2e.test_bitcoin_withdrawal_deaths import accepted
from tests.support.ethereum import SHARED
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(600)]

KEY = "5UP3R53CR37K3Y"
ENV = {
    "CRYPTO_ETH_XPUB": "",
    "CRYPTO_ETH_DEPOSIT_ADDRESS": SHARED,
    "ETHERSCAN_API_KEY": KEY,
}
FINAL = 9


async def test_a_payment_waits_until_the_explorer_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with throw_away_folder("explorer") as folder:
        options = Options(folder, speed=40, prefer_ports=False, service_env={"crypto-watcher": ENV})
        async with running_stack(options) as stack:
            key = await open_api(stack, "m_explorer")
            async with Merchant(stack.url("gateway"), key) as merchant:
                await disputed_then_credited(stack, merchant)
            assert "ok" in stack.cift("verify-books")
        for path in (*folder.glob("logs/*.log"), *folder.glob("traces/*")):
            assert KEY.encode() not in path.read_bytes(), path


async def disputed_then_credited(stack: Stack, merchant: Merchant) -> None:
    order = {"type": "deposit", "method": "ethereum", "amount": "0.05", "currency": "ETH"}
    payment = await accepted(merchant, {**order, "customer_id": "cus_explorer"})
    shown = await merchant.reach(payment["id"], {"requires_action"})
    assert shown["next_action"]["address"] == SHARED
    await control(stack, "PUT", "explorer", mode="other_amount")
    paid = await control(
        stack, "POST", "pay", address=SHARED, amount=str(5 * 10**16), confirm=FINAL
    )
    named = await merchant._http.post(
        f"/payments/{payment['id']}/verify", json={"provider_reference": paid["txid"]}
    )
    assert named.status_code == 202

    async def is_doubted() -> bool:
        told = json.dumps(await merchant.get(f"/payments/{payment['id']}/timeline"))
        return "arrival.doubted" in told and '"other_amount"' in told

    assert await wait_until(is_doubted, 60, every_s=0.5)
    waiting = await merchant.reach(payment["id"], {"processing"})
    assert waiting["status"] == "processing"
    await control(stack, "PUT", "explorer", mode="normal")
    credited = await merchant.final(payment["id"])
    assert credited["status"] == "completed"
    assert Decimal(credited["amount"]) == Decimal("0.05")


async def control(stack: Stack, method: str, path: str, **body: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=stack.url("ethereum-node"), timeout=30) as http:
        reply = await http.request(method, f"/control/{path}", json=body)
        reply.raise_for_status()
        return dict(reply.json())
