"""A payer comes back from the provider's page: the worker looks, and the payer goes on."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from cift_shared.ids import PaymentId
from cift_shared.testing import FakeClock
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import card_order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

RETURN_URL = "https://shop.example/paid?cart=7"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gateway(database: str, clock: FakeClock) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database, clock=clock) as running:
        yield running


def path_of(gateway: RunningGateway, payment_id: str, *, canceled: bool = False) -> str:
    """The path below `/api/v1` that a worker would give to its provider."""
    tokens = gateway.settings.return_tokens()
    address = tokens.address("", PaymentId(UUID(payment_id)), canceled=canceled)
    return address.removeprefix("/api/v1")


async def looks(gateway: RunningGateway) -> list[Any]:
    """The commands to look at a payment that the gateway has stored."""
    rows = await gateway.admin.fetch("select topic, body from gateway.outbox order by id")
    bodies = [(row["topic"], json.loads(row["body"])) for row in rows]
    return [(topic, body) for topic, body in bodies if body["kind"] == "verify_payment"]


async def paid(client: httpx.AsyncClient, **fields: Any) -> str:
    answer = await pay(client, card_order(**fields))
    return str(answer.json()["id"])


async def test_the_payer_goes_on_and_the_worker_looks(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    payment_id = await paid(client, return_url=RETURN_URL)
    browser = gateway.raw_client()
    answer = await browser.get(path_of(gateway, payment_id), params={"provider": "adds=this"})
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    assert (address.netloc, address.path) == ("shop.example", "/paid")
    assert parse_qs(address.query) == {
        "cart": ["7"], "payment_id": [payment_id], "payer": ["returned"],
    }  # fmt: skip
    assert answer.headers["referrer-policy"] == "no-referrer"
    ((topic, command),) = await looks(gateway)
    assert (topic, command["payment_id"]) == ("payments.commands.card", payment_id)
    assert command.get("sealed_reference") is None


async def test_the_cancel_button_is_told_to_the_merchant(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    payment_id = await paid(client, return_url=RETURN_URL)
    answer = await gateway.raw_client().get(path_of(gateway, payment_id, canceled=True))
    assert answer.headers["location"].endswith("payer=canceled")
    shown = await client.get(f"/payments/{payment_id}")
    assert shown.json()["status"] == "pending"  # the provider decides, not the browser


async def test_without_a_return_url_there_is_a_page(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    answer = await gateway.raw_client().get(path_of(gateway, await paid(client)))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "go back to the shop" in answer.text


async def test_coming_back_often_causes_one_look_in_ten_seconds(
    client: httpx.AsyncClient, gateway: RunningGateway, clock: FakeClock
) -> None:
    path = path_of(gateway, await paid(client, return_url=RETURN_URL))
    browser = gateway.raw_client()
    for _ in range(5):
        assert (await browser.get(path)).status_code == 303
    assert len(await looks(gateway)) == 1
    clock.advance(timedelta(seconds=11))
    assert (await browser.get(path)).status_code == 303
    assert len(await looks(gateway)) == 2


async def test_a_final_payment_is_not_looked_at(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    payment_id = await paid(client, return_url=RETURN_URL)
    await gateway.settle(payment_id)
    answer = await gateway.raw_client().get(path_of(gateway, payment_id))
    assert (answer.status_code, await looks(gateway)) == (303, [])


async def test_a_token_that_is_not_ours_is_not_found(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    payment_id = await paid(client)
    forged = path_of(gateway, payment_id)
    forged = forged[:-1] + ("0" if forged[-1] != "0" else "1")
    for path in (forged, "/returns/x", path_of(gateway, str(UUID(int=9)))):
        problem(await gateway.raw_client().get(path), 404, "not_found")
    assert await looks(gateway) == []
