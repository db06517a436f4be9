"""A member killed with -9 is evicted, and the other takes its partitions over.

Business rule: nothing waits for a dead process longer than the session time-out. On Apache Kafka:
the embedded broker does not evict dead members.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from cift_shared.ids import SystemIds
from cift_shared.kafka import Producer, create_topics
from cift_shared.kafka.subscriber import SESSION_TIMEOUT_MS
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DAY_MS, Topic
from cift_shared.security.kafka import Brokers
from tests.support.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

PARTITIONS = 6
ROOT = Path(__file__).parents[3]


class Member:
    """A reader process and what it has printed."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.seen: list[tuple[int, int]] = []
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, bootstrap: str, topic: str, instance: str) -> "Member":
        argv = [sys.executable, "-m", "tests.support.reader", bootstrap, topic, instance]
        return cls(await asyncio.create_subprocess_exec(*argv, stdout=PIPE, cwd=ROOT))

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._task

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            partition, offset = line.split()
            self.seen.append((int(partition), int(offset)))


async def test_the_survivor_takes_over(real_kafka: Broker) -> None:
    topic = f"test.{SystemIds().new_id().hex}"
    await create_topics(Brokers(real_kafka.bootstrap), [Topic(topic, PARTITIONS, DAY_MS)])
    producer = Producer(Brokers(real_kafka.bootstrap), name="test")
    first = await Member.start(real_kafka.bootstrap, topic, "a")
    second = await Member.start(real_kafka.bootstrap, topic, "b")
    try:
        sent = await send_until(producer, topic, lambda: bool(first.seen and second.seen))
        await first.kill()
        killed = asyncio.get_running_loop().time()
        lost = {partition for partition, _ in first.seen}
        assert await producer.publish(spread(topic, 60)) == [True] * 60
        async with asyncio.timeout(SESSION_TIMEOUT_MS / 1000 + 20):
            while len(set(first.seen) | set(second.seen)) < sent + 60:
                await asyncio.sleep(0.1)
        assert lost <= {partition for partition, _ in second.seen}
        assert asyncio.get_running_loop().time() - killed < SESSION_TIMEOUT_MS / 1000 + 20
    finally:
        await first.kill()
        await second.kill()
        await producer.close()


async def send_until(producer: Producer, topic: str, done) -> int:
    """Keeps sending until both members read; how many records that were."""
    sent = 0
    async with asyncio.timeout(60):
        while not done():
            flags = await producer.publish(spread(topic, 12))
            assert all(flags)
            sent += 12
            await asyncio.sleep(0.5)
    return sent


def spread(topic: str, count: int) -> list[OutgoingMessage]:
    return [OutgoingMessage(topic, f"key-{n}", b"{}") for n in range(count)]
