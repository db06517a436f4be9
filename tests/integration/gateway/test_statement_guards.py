"""What the gateway's statements keep apart: keys, quotes and saved methods of others, old rows."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.operations.retention import NOTICE_LIFETIME, Retention
from tests.integration.gateway.test_quotes import quoted
from tests.support.gateway import OTHER_MERCHANT, RunningGateway, running_gateway
from tests.support.payments import order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

LIVE = {"mode": "live"}
PHONE = {"phone": "0712345149", "country": "KE"}


async def save(client: httpx.AsyncClient) -> Any:
    answer = await client.post(
        "/payment-methods", json={"customer_id": "c_1", "method": "mpesa", **PHONE}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_one_key_is_another_on_each_route_of_each_merchant_in_each_mode(
    gateway: RunningGateway, client: httpx.AsyncClient, database: str
) -> None:
    made = (await pay(client, order(), key="k")).json()
    await gateway.settle(made["id"])
    back = await refund(client, made["id"], "10.00", key="k")
    assert back.status_code == 202, back.text
    other = await gateway.client(merchant=OTHER_MERCHANT)
    async with running_gateway(database, **LIVE) as live:
        answers = [
            await pay(one, order(), key="k") for one in (other, await live.client(mode="live"))
        ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert all("idempotency-replayed" not in answer.headers for answer in (back, *answers))
    assert len({made["id"], back.json()["id"], *(answer.json()["id"] for answer in answers)}) == 4
    again = await pay(client, order(), key="k")
    assert again.json()["id"] == made["id"]


async def test_a_quote_of_another_merchant_or_mode_is_none(
    gateway: RunningGateway, client: httpx.AsyncClient, database: str
) -> None:
    quote_id = (await quoted(client))["id"]
    other = await gateway.client(merchant=OTHER_MERCHANT)
    problem(await pay(other, order(quote_id=quote_id)), 422, "quote_not_found")
    async with running_gateway(database, **LIVE) as live:
        answer = await pay(await live.client(mode="live"), order(quote_id=quote_id))
        problem(answer, 422, "quote_not_found")


async def test_a_saved_method_of_another_merchant_or_mode_is_none(
    gateway: RunningGateway, client: httpx.AsyncClient, database: str
) -> None:
    wish = order(payment_method={"id": (await save(client))["id"]})
    other = await gateway.client(merchant=OTHER_MERCHANT)
    problem(await pay(other, wish), 422, "payment_method_invalid")
    async with running_gateway(database, **LIVE) as live:
        answer = await pay(await live.client(mode="live"), wish)
        problem(answer, 422, "payment_method_invalid")
    assert (await pay(client, wish)).status_code == 202


async def test_only_a_completed_deposit_with_it_verifies_a_method(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    saved = await save(client)
    path = f"/payment-methods/{saved['id']}/verify"
    wish = order(payment_method={"id": saved["id"]})

    async def verified() -> bool:
        return bool((await client.post(path)).json()["verified"])

    await gateway.funded(client, "c_1", "500.00")  # by another phone
    assert not await verified()
    declined = (await pay(client, wish)).json()
    failure = {
        "code": "payer_canceled", "category": "declined", "message": "No.", "retryable": True,
    }  # fmt: skip
    assert await gateway.result(declined["id"], "declined", failure=failure) == "applied"
    assert not await verified()
    out = (await pay(client, {**wish, "type": "withdrawal"})).json()
    await gateway.settle(out["id"])
    assert not await verified()
    await gateway.settle((await pay(client, wish)).json()["id"])
    assert await verified()


async def test_old_notices_leave_but_those_that_people_must_see(gateway: RunningGateway) -> None:
    retention = gateway.parts[Retention]
    now = retention.clock.now()
    for number, (disposition, age) in enumerate(
        [
            ("published", NOTICE_LIFETIME + timedelta(seconds=1)),
            ("quarantined", NOTICE_LIFETIME * 2),
            ("published", NOTICE_LIFETIME - timedelta(minutes=5)),
        ]
    ):
        await insert_notice(gateway, number, disposition, now - age)
    await retention.delete_expired()
    rows = await gateway.admin.fetch("select notice_id from gateway.inbox order by notice_id")
    assert [row["notice_id"] for row in rows] == ["n1", "n2"]


async def insert_notice(
    gateway: RunningGateway, number: int, disposition: str, at: datetime
) -> None:
    await gateway.admin.execute(
        "insert into gateway.inbox (notice_id, provider, attempt_id, disposition, source,"
        " source_listed, sealed_body, received_at)"
        " values ($1, 'mpesa', $2, $3, '203.0.113.9', false, 'k1.sealed', $4)",
        f"n{number}", UUID(int=number), disposition, at,
    )  # fmt: skip
