"""Create topics, which brokers and clients never do automatically, and list partitions."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError

from cift_shared.errors import ServerRefused
from cift_shared.messaging.topics import Topic
from cift_shared.security.kafka import Brokers

REQUEST_TIMEOUT_MS = 10_000


async def create_topics(
    brokers: Brokers, topics: Sequence[Topic], *, replication: int = 1
) -> list[str]:
    """Create the missing topics; returns their names.

    Raises:
        ServerRefused: the broker refused a topic for a reason other than that it exists.
    """
    async with admin_client(brokers) as admin:
        existing = set(await admin.list_topics())
        missing = [topic for topic in topics if topic.name not in existing]
        if missing:
            response = await admin.create_topics([_new(topic, replication) for topic in missing])
            _raise_refused(response.topic_errors)
        return [topic.name for topic in missing]


async def partitions(brokers: Brokers) -> list[TopicPartition]:
    """Every partition of every topic, in order.

    A consumer can't list them: it knows only the partitions of the topics that it reads.
    """
    async with admin_client(brokers) as admin:
        topics = await admin.describe_topics()
    return sorted(
        TopicPartition(topic["topic"], partition["partition"])
        for topic in topics
        for partition in topic["partitions"]
    )


@asynccontextmanager
async def admin_client(brokers: Brokers) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client for the block; it is closed even if it could not connect."""
    admin = AIOKafkaAdminClient(request_timeout_ms=REQUEST_TIMEOUT_MS, **brokers.client_options())
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


def _new(topic: Topic, replication: int) -> NewTopic:
    return NewTopic(
        topic.name,
        topic.partitions,
        replication,
        topic_configs={
            "cleanup.policy": "delete",
            "retention.ms": str(topic.retention_ms),
            "min.insync.replicas": str(max(1, replication - 1)),
        },
    )


def _raise_refused(errors: Sequence[Sequence[object]]) -> None:
    for name, code, *rest in errors:
        if code == InvalidReplicationFactorError.errno:
            raise ServerRefused(
                "there are fewer brokers than copies of a topic: --replication is at most the "
                "number of brokers"
            )
        if code not in (0, TopicAlreadyExistsError.errno):
            reason = next((str(text) for text in rest if text), "")
            raise ServerRefused(f"topic {name} not created: error {code} {reason}".rstrip())
