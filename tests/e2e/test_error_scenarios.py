"""What goes wrong every day, through real processes: refused with a reason, or brought to an end.

Business rules: a balance can't go below zero; bad input names its field; a lost answer is asked
about; refused credentials fail the payment and say so; what was not sent can be canceled.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from cift_local.stack import Options, Stack, running_stack
from cift_shared.kafka import Producer
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.security.kafka import Brokers
from tests.support.books import check_books, check_nothing_sent_twice
from tests.support.merchant_client import MerchantClient, phones
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)


@asynccontextmanager
async def stack(
    worker_env: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[Stack, MerchantClient]]:
    with throw_away_folder("errors") as folder:
        options = Options(
            folder, speed=40, prefer_ports=False, service_env={"mpesa-worker": worker_env or {}}
        )
        async with running_stack(options) as running:
            yield running, await MerchantClient.of(running)


async def fault(running: Stack, operation: str, kind: str, times: int) -> None:
    async with httpx.AsyncClient(base_url=running.url("provider-sandbox")) as http:
        order = {"operation": operation, "kind": kind, "times": times}
        (await http.post("/control/faults", json=order)).raise_for_status()


async def test_insufficient_funds_and_an_invalid_payment_method() -> None:
    async with stack() as (running, client):
        phone = phones(1)[0]
        await client.all_final([str(await client.pay("deposit", "100.00", phone, "cus_1"))])
        assert await client.pay("withdrawal", "98.00", phone, "cus_1") is None
        assert await client.pay("withdrawal", "50.00", "12345", "cus_1") is None
        poor, invalid = client.refused
        assert (poor["status"], poor["code"]) == (422, "insufficient_funds")
        assert invalid["status"] == 422
        assert [error["pointer"] for error in invalid["errors"]] == ["/payment_method/phone"]
        await check_books(running, await client.all_final(client.accepted))


@pytest.mark.parametrize("kind", ["drop_after_effect", "html_502"])
async def test_a_lost_answer_is_asked_about_and_never_sent_again(kind: str) -> None:
    async with stack() as (running, client):
        await fault(running, "daraja.stk", kind, 1)
        payment_id = str(await client.pay("deposit", "100.00", phones(1)[0], "cus_1"))
        if kind == "drop_after_effect":
            payments = await client.all_final([payment_id])
            assert payments[0]["status"] == "completed"
        else:
            await asyncio.sleep(5)
            payments = [await client.get(f"/payments/{payment_id}")]
            assert payments[0]["status"] == "processing", "unknown is never shown as failed"
        await check_nothing_sent_twice(running)
        await check_books(running, payments)


async def test_refused_credentials_fail_the_payment_and_name_the_reason() -> None:
    async with stack({"MPESA_CONSUMER_SECRET": "not-the-secret"}) as (running, client):
        payment_id = str(await client.pay("deposit", "100.00", phones(1)[0], "cus_1"))
        (payment,) = await client.all_final([payment_id])
        assert payment["status"] == "failed"
        assert payment["failure"]["code"] == "provider_credentials_refused"
        assert payment["failure"]["category"] == "configuration"
        await check_books(running, [payment])


async def test_what_the_provider_does_not_take_yet_can_be_canceled() -> None:
    async with stack() as (running, client):
        await fault(running, "daraja.stk", "spike_arrest", 1000)
        payment_id = str(await client.pay("deposit", "100.00", phones(1)[0], "cus_1"))
        await asyncio.sleep(1)
        async with httpx.AsyncClient(base_url=client.base) as http:
            reply = await http.post(
                f"/api/v1/payments/{payment_id}/cancel",
                headers={"Authorization": f"Bearer {client.api_key}"},
            )
        assert reply.status_code == 202, reply.text
        (payment,) = await client.all_final([payment_id])
        assert payment["status"] == "canceled"
        timeline = await client.get(f"/payments/{payment_id}/timeline")
        assert "cancel.done" in str(timeline)
        await check_books(running, [payment])


async def test_garbage_on_every_topic_is_set_aside_and_stops_nobody() -> None:
    async with stack() as (running, client):
        producer = Producer(Brokers(running.kafka_bootstrap_servers), name="garbage")
        inward = [topics.commands("mpesa"), topics.webhooks("mpesa"), topics.RESULTS]
        garbage = [b"", b"{", b"\xff\x00", b"[]", b'{"kind": "dance"}', b"x" * 100_000]
        letters = [OutgoingMessage(topic, "k", body) for topic in inward for body in garbage]
        letters += [OutgoingMessage(topic, "k\0", b"nul", HOSTILE) for topic in inward]
        letters += [OutgoingMessage(topic, "k", b"y" * 990_000) for topic in inward]
        assert all(await producer.publish(letters))
        await producer.close()
        payment_id = str(await client.pay("deposit", "100.00", phones(1)[0], "cus_1"))
        payments = await client.all_final([payment_id])
        assert payments[0]["status"] == "completed"
        for topic in inward:
            aside = await read(running, topics.dead_letter(topic), len(garbage) + 2)
            whole = [body for body, headers in aside if "x-dlq-body-bytes" not in headers]
            assert sorted(whole) == sorted([*garbage, b"nul"])
            (cut,) = [headers for _, headers in aside if "x-dlq-body-bytes" in headers]
            assert cut["x-dlq-body-bytes"] == b"990000"
            assert {headers["x-dlq-reason"] for _, headers in aside} <= REASONS
            assert {headers["x-orig-topic"] for _, headers in aside} == {topic.encode()}
        await check_books(running, payments)


HOSTILE = {"x-attempt": "\u00b2", "nul\0": "a\0b", "long": "z" * 50_000, "traceparent": "\0"}
REASONS = {b"undecodable", b"unknown_schema_version"}


async def read(running: Stack, topic: str, count: int) -> list[tuple[bytes, dict[str, Any]]]:
    """The first `count` records of a topic, with their headers."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=running.kafka_bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            found = [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()
    return [(record.value or b"", dict(record.headers)) for record in found]
