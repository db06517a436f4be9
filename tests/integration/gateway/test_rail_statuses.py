"""From a worker's process over Kafka to the list of options, and what is left when it ends."""

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cift_local.waiting import wait_until
from cift_shared.kafka import Producer, create_topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import RAIL_STATUSES, all_topics, dead_letter
from cift_shared.security.kafka import Brokers
from gateway.payment_options.statuses import consume_rail_statuses
from tests.support.clocks import ShiftedClock
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.kafka import Broker
from tests.support.services import environment, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PATIENCE_S = 60.0


async def shown(gateway: RunningGateway) -> dict[str, Any]:
    client = await gateway.client()
    answer = await client.get("/payment-options", params={"currency": "KES"})
    found = {one["rail"]: one for one in answer.json()["data"]}
    assert found["card"]["unavailable_reason"] == "not_reporting"  # its worker does not run
    mpesa: dict[str, Any] = found["mpesa"]
    return mpesa


async def test_a_worker_that_stops_is_away_within_fifteen_seconds(
    database: str, own_broker: Broker, tmp_path: Path
) -> None:
    await create_topics(Brokers(own_broker.bootstrap), all_topics())
    clock = ShiftedClock()
    reading: dict[str, Any] = {
        "consume_statuses": consume_rail_statuses,
        "clock": clock,
        "kafka_bootstrap_servers": own_broker.bootstrap,
    }
    env = environment(
        "mpesa_worker", database=database, bootstrap=own_broker.bootstrap, instance="r"
    )
    async with running_gateway(database, **reading) as gateway:

        async def available() -> bool:
            return bool((await shown(gateway))["available"])

        assert (await shown(gateway))["unavailable_reason"] == "not_reporting"
        async with running("mpesa_worker", env, tmp_path) as worker:
            assert await wait_until(available, PATIENCE_S), worker.log
            await worker.stop(signal.SIGTERM, PATIENCE_S)
        clock.advance(timedelta(seconds=15))
        known = await shown(gateway)
        assert (known["available"], known["unavailable_reason"]) == (False, "not_reporting")
        assert known["reported_at"] is not None
        health = await gateway.ops_client().get("/healthz")
        assert health.json() == {"status": "ok", "dead": []}

        producer = Producer(Brokers(own_broker.bootstrap), name="test")
        poison = OutgoingMessage(RAIL_STATUSES, "x", b"poison")
        assert await producer.publish([poison]) == [True]
        await producer.close()
        assert await wait_until(lambda: _is_set_aside(gateway), PATIENCE_S)


async def _is_set_aside(gateway: RunningGateway) -> bool:
    letters = await gateway.outbox(dead_letter(RAIL_STATUSES))
    return [letter["body"] for letter in letters] == [b"poison"]
