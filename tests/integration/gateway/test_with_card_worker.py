"""Gateway, card worker, books and the twin of Stripe together, without a broker between them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from stripe import WebhookSignature

from cift_shared.kafka import Record
from cift_shared.runtime.service import running
from tests.integration.card_worker.harness import CardWorkerHarness, open_worker
from tests.support import cards
from tests.support.eventually import eventually
from tests.support.gateway import WEBHOOK_SECRET, RunningGateway, running_gateway
from tests.support.payments import card_order, pay, refund

pytestmark = pytest.mark.integration

BROWSER = {"Authorization": f"Bearer {cards.PUBLISHABLE_KEY}"}


class Post:
    """Carries what the outboxes hold, in order, to whom it is for."""

    name = "post"

    def __init__(self, gateway: RunningGateway, worker: CardWorkerHarness) -> None:
        self._gateway = gateway
        self._worker = worker

    async def run(self) -> None:
        while True:
            for schema in ("gateway", "card"):
                rows = await self._gateway.admin.fetch(
                    f"with gone as (delete from {schema}.outbox returning *) "
                    "select * from gone order by id"
                )
                for row in rows:
                    await self._deliver(row["topic"], row["body"])
            await asyncio.sleep(0.02)

    async def _deliver(self, topic: str, body: bytes) -> None:
        record = [Record(topic, 0, 0, None, body)]
        refused: Any = []
        if topic == "payments.commands.card":
            refused = await self._worker.commands.handle(record)
        elif topic == "payments.webhooks.stripe":
            refused = await self._worker.notices.handle(record)
        elif topic == "payment-methods.results":
            refused = await self._gateway.hand_in(body)
        else:
            assert topic == "payments.results"
            await self._book(json.loads(body))
        assert refused == []

    async def _book(self, result: dict[str, Any]) -> None:
        after = result["kind"] in ("reversed", "disputed")
        query = "ledger.apply_post_settlement($1, null)" if after else "ledger.apply_results($1)"
        await self._gateway.admin.fetch(f"select * from {query}", result if after else [result])


@asynccontextmanager
async def together(
    database: str, folder: Path
) -> AsyncIterator[tuple[RunningGateway, CardWorkerHarness]]:
    keys = {"card": {"publishable_key": cards.PUBLISHABLE_KEY}}
    async with (
        running_gateway(database, rails=keys) as gateway,
        open_worker(database, folder) as worker,
    ):
        stripe_itself = gateway.raw_client()

        async def receive_webhook(event: bytes) -> None:
            header = WebhookSignature.generate_signature_header(
                event.decode(), WEBHOOK_SECRET, int(time.time())
            )
            answer = await stripe_itself.post(
                "/webhooks/stripe", content=event, headers={"Stripe-Signature": header}
            )
            assert answer.status_code == 200, answer.text

        worker.receive_webhook = receive_webhook  # type: ignore[method-assign]
        async with running([Post(gateway, worker)]):
            yield gateway, worker


async def reach(client: httpx.AsyncClient, path: str, status: str) -> Any:
    """What is at a path, once it has that status."""

    async def look() -> Any:
        shown = (await client.get(path)).json()
        return shown if shown["status"] == status else None

    return await eventually(look, f"{status} at {path}")


async def test_pay_refund_and_dispute(database: str, tmp_path: Path) -> None:
    async with together(database, tmp_path) as (gateway, worker):
        client = await gateway.client()
        body = card_order(payment_method={"token": "pm_card_createDispute"})
        payment = (await pay(client, body)).json()
        path = f"/payments/{payment['id']}"
        paid = await reach(client, path, "completed")
        assert (paid["payment_method"]["brand"], paid["payment_method"]["last4"]) == (
            "visa",
            "0259",
        )

        async def disputed() -> Any:
            await worker.make_due()
            return (await client.get("/disputes")).json()["data"]

        (dispute,) = await eventually(disputed, "a dispute")
        assert (dispute["payment_id"], dispute["amount"]) == (payment["id"], "20.00")
        assert (await client.get(path)).json()["disputed"] == "20.00"

        other = (await pay(client, card_order(payment_method={"token": "pm_card_visa"}))).json()
        await reach(client, f"/payments/{other['id']}", "completed")
        back = (await refund(client, other["id"], "5.00")).json()
        await reach(client, f"/payments/{back['id']}", "completed")
        seen = (await client.get(f"/payments/{other['id']}")).json()
        assert seen["refunded"] == "5.00"
        assert await gateway.count("gateway.inbox") > 2


async def test_card_entered_in_the_browser_saved_used_and_forgotten(
    database: str, tmp_path: Path
) -> None:
    async with together(database, tmp_path) as (gateway, worker):
        client = await gateway.client()
        wish = {"method": "card", "customer_id": "c_1"}
        answer = await client.post("/payment-methods", json=wish, headers={"Prefer": "wait=60"})
        card = answer.json()
        assert card["status"] == "requires_action", card
        secret = card["setup"]["client_secret"]
        assert card["setup"]["publishable_key"] == cards.PUBLISHABLE_KEY
        entered = await worker.http.post(
            f"/v1/setup_intents/{secret.split('_secret_')[0]}/confirm",
            data={"payment_method": "pm_card_mastercard", "client_secret": secret},
            headers=BROWSER,
        )
        assert entered.status_code == 200, entered.text
        path = f"/payment-methods/{card['id']}"
        card = await reach(client, path, "active")
        assert (card["brand"], card["verified"], card["setup"]) == ("mastercard", True, None)

        body = card_order(payment_method={"id": card["id"]}, off_session=True)
        payment = (await pay(client, body, Prefer="wait=60")).json()
        assert payment["status"] == "completed", payment
        assert payment["payment_method"]["brand"] == "mastercard"

        assert (await client.delete(path)).status_code == 204

        async def forgotten() -> Any:
            return await gateway.admin.fetchval("select forgotten_at from gateway.payment_method")

        await eventually(forgotten, "the card is forgotten")


async def test_three_d_secure(database: str, tmp_path: Path) -> None:
    async with together(database, tmp_path) as (gateway, _):
        client = await gateway.client()
        body = card_order(payment_method={"token": "pm_card_threeDSecure2Required"})
        payment = (await pay(client, body)).json()
        path = f"/payments/{payment['id']}"
        asked = await reach(client, path, "requires_action")
        assert asked["next_action"]["client_secret"]
        assert asked["next_action"]["publishable_key"] == cards.PUBLISHABLE_KEY
        declined = card_order(payment_method={"token": "pm_card_visa_chargeDeclined"})
        other = (await pay(client, declined)).json()
        failed = await reach(client, f"/payments/{other['id']}", "failed")
        assert failed["failure"]["code"] == "card_declined"
