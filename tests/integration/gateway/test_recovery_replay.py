"""What consumers handled in the lost time is published again, and nothing else.

Business rule: a consumer's offset may be ahead of its tables; its messages are not lost.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cift_shared.kafka import create_topics
from cift_shared.kafka.history import Past, records_since
from cift_shared.kafka.producer import Producer
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.security.kafka import Brokers
from gateway.recovery.service import find_forgotten, replay
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.kafka import Broker
from tests.support.payments import order, pay

pytestmark = pytest.mark.integration

COMMANDS, NOTICES = topics.commands("mpesa"), topics.webhooks("mpesa")


@pytest.fixture
async def brokers(own_broker: Broker) -> Brokers:
    found = Brokers(own_broker.bootstrap)
    await create_topics(found, topics.all_topics())
    return found


async def publish(brokers: Brokers, *messages: OutgoingMessage) -> None:
    producer = Producer(brokers, name="test")
    assert all(await producer.publish(messages))
    await producer.close()


def named(topic: str, text: str) -> OutgoingMessage:
    return OutgoingMessage(topic, text, text.encode(), {"ce_id": text})


async def now_between() -> datetime:
    """A moment that is later than what was published, and earlier than what comes."""
    await asyncio.sleep(0.05)
    moment = datetime.now(UTC)
    await asyncio.sleep(0.05)
    return moment


async def since(brokers: Brokers, moment: datetime) -> list[Past]:
    return [
        past
        async for batch in records_since(brokers, [COMMANDS, NOTICES, topics.RESULTS], moment)
        for past in batch
    ]


async def test_messages_of_the_kept_time_and_every_notice(brokers: Brokers) -> None:
    every = (topics.RESULTS, COMMANDS, NOTICES, topics.EVENTS)
    await publish(brokers, *(named(topic, f"old {topic}") for topic in every))
    begin = await now_between()
    await publish(brokers, *(named(topic, f"kept {topic}") for topic in every))
    until = await now_between()
    await publish(brokers, *(named(topic, f"lost {topic}") for topic in every))
    end = await now_between()
    count = await replay(brokers, begin, until)
    again = await since(brokers, end)
    wanted = [
        named(topics.RESULTS, f"kept {topics.RESULTS}"),
        named(COMMANDS, f"kept {COMMANDS}"),
        named(NOTICES, f"kept {NOTICES}"),
        named(NOTICES, f"lost {NOTICES}"),
    ]
    assert sorted(past.message.key for past in again) == sorted(one.key for one in wanted)
    assert all(past.message in wanted for past in again)
    assert count == len(wanted)


async def test_forgotten_payments_are_those_that_the_ledger_has_not(
    brokers: Brokers, database: str, other_database: str
) -> None:
    begin = datetime.now(UTC) - timedelta(minutes=1)
    async with running_gateway(database) as before, running_gateway(other_database) as restored:
        client = await before.client()
        ids = [(await pay(client, order(customer_id=f"c_{n}"))).json()["id"] for n in range(3)]
        rows = await before.outbox(COMMANDS)
        commands = [OutgoingMessage(COMMANDS, r["key"], r["body"], r["headers"]) for r in rows]
        await publish(brokers, named(COMMANDS, "no command"), *commands, *commands)
        vault = before.settings.vault()
        found = await find_forgotten(restored.admin, brokers, vault, begin)
        assert [str(one.request.payment_id) for one in found] == ids
        assert await known(before, brokers, begin) == []


async def known(gateway: RunningGateway, brokers: Brokers, begin: datetime) -> list[object]:
    return [*await find_forgotten(gateway.admin, brokers, gateway.settings.vault(), begin)]
