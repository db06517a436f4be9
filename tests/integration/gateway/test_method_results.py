"""Workers' answers come by Kafka: whoever waits is woken, what can't be read is set aside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from cift_shared.kafka import Producer, create_topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DAY_MS, Topic, dead_letter
from cift_shared.security.kafka import Brokers
from gateway.payment_methods.results import consume_method_results
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.kafka import Broker
from tests.support.payment_methods import method_result

pytestmark = pytest.mark.integration

PATIENCE_S = 60


@pytest.fixture
async def topic(broker: Broker) -> str:
    name = f"test.{uuid4().hex}"
    await create_topics(Brokers(broker.bootstrap), [Topic(name, 3, DAY_MS)])
    return name


async def publish(broker: Broker, topic: str, key: str, *bodies: bytes) -> None:
    producer = Producer(Brokers(broker.bootstrap), name="test")
    messages = [OutgoingMessage(topic, key, body) for body in bodies]
    assert all(await producer.publish(messages))
    await producer.close()


async def until(found: Any) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not (value := await found()):
            await asyncio.sleep(0.02)
        return value


async def test_from_the_topic_to_the_waiting_request(
    database: str, broker: Broker, topic: str
) -> None:
    # a group of its own: others on this broker may have died in the usual one a moment ago
    group = f"group-{topic}"
    reading: dict[str, Any] = {
        "consume_results": partial(consume_method_results, topic=topic, group=group),
        "kafka_bootstrap_servers": broker.bootstrap,
    }
    async with running_gateway(database, **reading) as gateway:
        vault, client = gateway.settings.vault(), await gateway.client()
        wish = {"method": "card", "customer_id": "c_1"}
        asked = asyncio.create_task(
            client.post("/payment-methods", json=wish, headers={"Prefer": "wait=60"}, timeout=90)
        )
        query = "select payment_method_id::text from gateway.payment_method"
        card_id = await until(lambda: gateway.admin.fetchval(query))
        results = [
            method_result(vault, card_id, "pending"),
            method_result(vault, card_id, "action_required", 2, client_secret="seti_secret"),
        ]
        bodies = [result.model_dump_json(exclude_none=True).encode() for result in results]
        await publish(broker, topic, card_id, b"poison", *bodies)
        async with asyncio.timeout(PATIENCE_S):
            answer = await asked
        assert answer.json()["setup"]["client_secret"] == "seti_secret"
        (letter,) = await until(lambda: gateway.outbox(dead_letter(topic)))
        assert (letter["body"], letter["headers"]["x-dlq-reason"]) == (b"poison", "undecodable")
        assert letter["headers"]["x-consumer-group"] == group

    # what was read was committed when the process ended: the next one goes on from there
    saved = method_result(vault, card_id, "saved", 3).model_dump_json(exclude_none=True)
    await publish(broker, topic, card_id, saved.encode())
    async with running_gateway(database, **reading) as gateway:
        query = "select state = 'active' from gateway.payment_method"
        await until(lambda: gateway.admin.fetchval(query))
        assert len(await gateway.outbox(dead_letter(topic))) == 1
        await told(gateway)


async def test_broker_that_is_away_holds_up_nobody(database: str) -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        running_gateway(
            database, consume_results=consume_method_results, kafka_bootstrap_servers="127.0.0.1:9"
        ) as gateway,
    ):
        client = await gateway.client()
        assert (await client.get("/payments")).status_code == 200
        wish = {"method": "card", "customer_id": "c_1"}
        answer = await client.post("/payment-methods", json=wish, headers={"Prefer": "wait=0"})
        assert (answer.status_code, answer.json()["status"]) == (201, "pending")
        assert (await gateway.ops_client().get("/healthz")).status_code == 200


async def test_reader_that_has_ended_is_told(database: str) -> None:
    class Broker:
        def dead_tasks(self) -> list[str]:
            return ["subscriber:gateway"]

    @asynccontextmanager
    async def consume_results(handler: Any, base: Any) -> AsyncIterator[Any]:
        yield Broker()

    async with running_gateway(database, consume_results=consume_results) as gateway:
        answer = await gateway.ops_client().get("/healthz")
        assert answer.status_code == 503
        assert answer.json() == {"status": "failing", "dead": ["subscriber:gateway"]}


async def told(gateway: RunningGateway) -> None:
    client = gateway.ops_client()

    async def counted() -> bool:
        text = (await client.get("/metrics")).text
        return 'cift_method_results_total{kind="saved",outcome="applied"}' in text

    await until(counted)  # the row is changed a moment before it is counted
    assert (await client.get("/healthz")).json() == {"status": "ok", "dead": []}
