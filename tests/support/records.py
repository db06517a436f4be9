"""Putting records into topics and counting them, with plain clients."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def create_topic(bootstrap: str, topic: str, *, partitions: int) -> None:
    """Makes a topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, count: int) -> None:
    """Sends `count` numbered records and returns when each is acknowledged."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, request_timeout_ms=5000
    )
    await producer.start()
    try:
        for number in range(count):
            text = str(number).encode()
            await producer.send_and_wait(topic, text, key=text)
    finally:
        await producer.stop()


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Reads `count` records from the beginning, as a group that is alone."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=f"{topic}-reader", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def count_records(bootstrap: str, topic: str) -> int:
    """Answers how many records a topic holds.

    Raises:
        KeyError: There is no such topic.
    """
    partitions = [TopicPartition(topic, number) for number in (await topics(bootstrap))[topic]]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        consumer.assign(partitions)  # without it aiokafka waits 40 s for metadata it never asks
        first = await consumer.beginning_offsets(partitions)
        last = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return sum(last[partition] - first[partition] for partition in partitions)


async def topics(bootstrap: str) -> dict[str, list[int]]:
    """Answers the topics there are, each with its partitions' numbers."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return {
        topic["topic"]: [partition["partition"] for partition in topic["partitions"]]
        for topic in described
    }
