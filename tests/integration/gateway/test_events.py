"""A client sees every state change once, whenever it comes and however often it comes back."""

import asyncio

import httpx
import pytest

from tests.support.event_stream import LiveStream
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration


def stream(gateway: RunningGateway, client: httpx.AsyncClient, payment_id: str, **headers: str):
    known = {"authorization": client.headers["authorization"], **headers}
    return LiveStream(gateway.app, f"/api/v1/payments/{payment_id}/events", known)


async def test_live_changes_until_the_end(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment_id = (await pay(client, order())).json()["id"]
    live = stream(gateway, client, payment_id)
    first = await live.next_event()
    assert (first["type"], first["status"], first["version"]) == ("payment.pending", "pending", 1)
    assert first["payment"]["id"] == payment_id
    await gateway.result(payment_id, "submitted")
    assert (await live.next_event())["type"] == "payment.processing"
    await gateway.result(payment_id, "noted")
    await gateway.settle(payment_id)
    last = await live.next_event()
    assert (last["type"], last["payment"]["status"]) == ("payment.completed", "completed")
    assert await live.next_event() is None
    assert live.status == 200


async def test_resumes_after_the_last_event_seen(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment_id = (await pay(client, order())).json()["id"]
    live = stream(gateway, client, payment_id)
    seen = await live.next_event()
    await live.hang_up()
    await gateway.result(payment_id, "submitted")
    await gateway.settle(payment_id)
    again = stream(gateway, client, payment_id, **{"Last-Event-ID": str(seen["id"])})
    statuses = []
    while event := await again.next_event():
        statuses.append(event["status"])
        seen = event
    assert statuses == ["processing", "completed"]
    # a browser reconnects for ever unless it is told that there is nothing left
    done = await client.get(
        f"/payments/{payment_id}/events", headers={"Last-Event-ID": str(seen["id"])}
    )
    assert (done.status_code, done.content) == (204, b"")


async def test_finished_payment_is_told_whole(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = await gateway.funded(client, "c_1", "100.00")
    answer = await client.get(f"/payments/{payment['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.count("event: payment.") == 2
    assert "event: payment.completed" in answer.text


async def test_only_changes_of_status_are_told(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """What happens to a payment without a new status (here a dispute) is in its timeline."""
    payment = await gateway.funded(client, "c_1", "100.00")
    kes = {"minor": "10000", "currency": "KES"}
    news = {"reference": "d_1", "status": "open", "reason": "fraud", "amount": kes}
    news |= {"withdrawn": kes}
    assert await gateway.result(payment["id"], "disputed", dispute=news) == "applied"
    text = (await client.get(f"/payments/{payment['id']}/events")).text
    told = [line for line in text.splitlines() if line.startswith("event: ")]
    assert told == ["event: payment.pending", "event: payment.completed"]


async def test_review_is_told(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    payment_id = (await pay(client, order())).json()["id"]
    live = stream(gateway, client, payment_id)
    await live.next_event()
    other_amount = {"minor": "9000", "currency": "KES"}
    await gateway.result(payment_id, "settled", amount=other_amount, provider_reference="R1")
    told = await live.next_event()
    assert (told["type"], told["payment"]["status"]) == ("payment.in_review", "in_review")
    await live.hang_up()


async def test_last_event_id_must_be_a_number(client: httpx.AsyncClient) -> None:
    payment_id = (await pay(client, order())).json()["id"]
    answer = await client.get(f"/payments/{payment_id}/events", headers={"Last-Event-ID": "x"})
    assert problem(answer, 422, "validation_failed")["errors"][0]["parameter"] == "last-event-id"


async def test_an_empty_last_event_id_means_none(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = await gateway.funded(client, "c_1", "100.00")
    path = f"/payments/{payment['id']}/events"
    answer = await client.get(path, headers={"Last-Event-ID": ""})
    assert answer.status_code == 200
    assert answer.content == (await client.get(path)).content


@pytest.mark.parametrize("ahead", ["3", "99", "9223372036854775807"])
async def test_a_client_ahead_of_a_restored_database_gets_the_final_event(
    gateway: RunningGateway, client: httpx.AsyncClient, ahead: str
) -> None:
    payment = await gateway.funded(client, "c_1", "100.00")
    live = stream(gateway, client, payment["id"], **{"Last-Event-ID": ahead})
    last = await live.next_event()
    assert (last["id"], last["status"]) == (2, "completed")
    assert await live.next_event() is None


async def test_a_client_ahead_of_an_open_payment_gets_its_state_and_what_follows(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment_id = (await pay(client, order())).json()["id"]
    live = stream(gateway, client, payment_id, **{"Last-Event-ID": "7"})
    assert (await live.next_event())["status"] == "pending"
    await gateway.settle(payment_id)
    assert (await live.next_event())["status"] == "completed"
    assert await live.next_event() is None


async def test_ids_are_the_payments_own_numbers(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """They do not count what happens to others."""
    for _ in range(3):
        await gateway.funded(client, "c_1", "100.00")
    payment = await gateway.funded(client, "c_2", "100.00")
    text = (await client.get(f"/payments/{payment['id']}/events")).text
    assert [line for line in text.splitlines() if line.startswith("id: ")] == ["id: 1", "id: 2"]


async def test_open_streams_of_a_key_are_bounded_and_given_back(database: str) -> None:
    async with running_gateway(database, streams_per_key=2) as gateway:
        client, other = await gateway.client(), await gateway.client()
        payment_id = (await pay(client, order())).json()["id"]
        open_ones = [stream(gateway, client, payment_id) for _ in range(2)]
        for live in open_ones:
            await live.next_event()
        refused = await client.get(f"/payments/{payment_id}/events")
        assert problem(refused, 429, "too_many_streams")["retryable"]
        assert refused.headers["retry-after"] == "1"
        from_other_key = stream(gateway, other, payment_id)
        assert await from_other_key.next_event()
        await open_ones[0].hang_up()
        back = stream(gateway, client, payment_id)
        assert await back.next_event()
        for live in (open_ones[1], from_other_key, back):
            await live.hang_up()


async def test_listener_survives_a_broken_connection(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment_id = (await pay(client, order())).json()["id"]
    live = stream(gateway, client, payment_id)
    await live.next_event()
    async with asyncio.timeout(60):
        while not await gateway.admin.fetchval(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity "
            "where application_name = 'cift_gateway_listen' and datname = current_database()"
        ):
            await asyncio.sleep(0.05)
    await gateway.settle(payment_id)
    assert (await live.next_event())["status"] == "completed"
    await live.hang_up()
