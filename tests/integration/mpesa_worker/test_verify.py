"""A payment that its merchant asks to verify: from the API to the provider and the books.

The gateway, the worker's loops and the ledger's function over one PostgreSQL, in front of the twin
of Daraja. Callbacks of pushes never arrive and the provider's records are not read.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from cift_shared.kafka import Record
from cift_shared.messaging.messages import PaymentResult
from cift_shared.messaging.topics import RESULTS, commands
from cift_shared.runtime.service import running
from tests.integration.mpesa_worker.harness import PAYS, MpesaWorkerHarness, OpenWorker
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay

pytestmark = pytest.mark.integration

PHONE = f"254700001{PAYS}"
OTHER_PHONE = f"254700002{PAYS}"


@dataclass
class House:
    """The API, the worker and the books; a test carries the messages between them."""

    gateway: RunningGateway
    client: httpx.AsyncClient
    worker: MpesaWorkerHarness
    _read: int = 0
    _told: int = 0

    async def deposit(self, phone: str = PHONE) -> str:
        answer = await pay(self.client, order(payment_method={"phone": phone, "country": "KE"}))
        assert answer.status_code == 202, answer.text
        await self.carry()
        return str(answer.json()["id"])

    async def verify(self, payment_id: str, reference: str | None = None) -> httpx.Response:
        body = {"provider_reference": reference} if reference else {}
        answer = await self.client.post(f"/payments/{payment_id}/verify", json=body)
        await self.carry()
        return answer

    async def carry(self) -> None:
        """Hand the gateway's commands to the worker and its results to the books."""
        query = "select id, body from gateway.outbox where topic = $1 and id > $2 order by id"
        rows = await self.gateway.admin.fetch(query, commands("mpesa"), self._read)
        if rows:
            self._read = rows[-1]["id"]
            records = [Record(commands("mpesa"), 0, row["id"], None, row["body"]) for row in rows]
            assert await self.worker.intake.handle(records) == []
        query = query.replace("gateway", "mpesa")
        for row in await self.gateway.admin.fetch(query, RESULTS, self._told):
            self._told = row["id"]
            result = PaymentResult.model_validate_json(row["body"]).model_dump(
                mode="json", exclude_none=True
            )
            await self.gateway.admin.fetch("select * from ledger.apply_results($1)", [result])

    async def payment(self, payment_id: str) -> Any:
        return (await self.client.get(f"/payments/{payment_id}")).json()

    async def completed(self, payment_id: str) -> Any:
        async def look() -> bool:
            await self.carry()
            return bool((await self.payment(payment_id))["status"] == "completed")

        await self.worker.until(look)
        return await self.payment(payment_id)

    async def put_off(self) -> None:
        """By schedule, the provider is asked in an hour."""
        await self.gateway.admin.execute(
            "update mpesa.attempt set next_check_at = now() + interval '1 hour'"
            " where lease_owner is null"
        )

    async def receipt(self, number: int = 0) -> str:
        await self.worker.until(lambda: self._booked(number + 1))
        return str((await self.worker.twin.book())[number]["receipt"])

    async def _booked(self, number: int) -> bool:
        return len(await self.worker.twin.book()) >= number


@pytest.fixture
async def house(database: str, open_worker: OpenWorker) -> AsyncIterator[House]:
    async with (
        # The twin is quick, the worker's own schedule is not.
        open_worker(loops=False, speed=100, check_speed=1) as worker,
        running_gateway(database) as gateway,
        running([worker.engine.dispatch, worker.engine.poll]),
    ):
        yield House(gateway, await gateway.client(), worker)


async def test_a_paid_push_whose_callback_was_lost_is_settled_at_once(house: House) -> None:
    payment_id = await house.deposit()
    await house.worker.ends(UUID(payment_id), "action_required")
    await house.receipt()  # the payer has paid
    await house.put_off()
    assert (await house.verify(payment_id)).status_code == 202
    payment = await house.completed(payment_id)
    assert (payment["amount"], payment["net"]) == ("100.00", "97.50")
    again = await house.verify(payment_id)
    assert (again.status_code, again.json()["status"]) == (200, "completed")


async def test_a_push_that_nobody_can_ask_about_is_settled_by_its_receipt(house: House) -> None:
    await house.worker.lose(1)
    payment_id = await house.deposit()
    await house.worker.in_limbo(UUID(payment_id))
    receipt = await house.receipt()
    assert (await house.verify(payment_id, receipt)).status_code == 202
    payment = await house.completed(payment_id)
    assert payment["provider_reference"] == receipt
    timeline = (await house.client.get(f"/payments/{payment_id}/timeline")).json()
    assert "mpesa.hint.read" in [item["name"] for item in timeline["items"]]


async def test_the_receipt_of_another_payment_moves_nothing(house: House) -> None:
    other_id = await house.deposit(OTHER_PHONE)
    await house.worker.ends(UUID(other_id), "action_required")
    receipt = await house.receipt()
    await house.worker.lose(1)
    payment_id = await house.deposit()
    await house.worker.in_limbo(UUID(payment_id))
    await house.verify(payment_id, receipt)

    async def refused() -> bool:
        told = await house.worker.told(UUID(payment_id))
        return any(step.name == "mpesa.hint.refused" for one in told for step in one.evidence)

    await house.worker.until(refused)
    await house.carry()
    assert (await house.payment(payment_id))["status"] == "processing"
    # its own payer's money is still found
    own = await house.receipt(1)
    await house.gateway.admin.execute("delete from gateway.verification")
    await house.verify(payment_id, own)
    assert (await house.completed(payment_id))["provider_reference"] == own
