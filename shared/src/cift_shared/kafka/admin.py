"""The one step that creates topics; brokers and clients never create one by accident."""

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from cift_shared.topics import Topic


async def create_topics(
    bootstrap_servers: str, topics: Sequence[Topic], *, replication: int = 1
) -> list[str]:
    """Create the topics that are missing; answers their names.

    Raises:
        RuntimeError: the broker refused a topic for another reason than that it exists.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in topics if topic.name not in existing]
        if missing:
            response = await admin.create_topics([_new(topic, replication) for topic in missing])
            _raise_refused(response.topic_errors)
        return [topic.name for topic in missing]
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
        if code not in (0, TopicAlreadyExistsError.errno):
            raise RuntimeError(f"topic {name} not created: error {code} {rest}")
