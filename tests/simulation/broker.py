"""A broker in memory: partitions, groups, offsets; everything at least once.

Within a partition the order holds; between partitions it does not. A confirmation or a commit may
get lost, and partitions may move while their reader is still at work: it becomes a zombie whose
commits are refused, while the records go to somebody else as well.
"""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaConnectionError

from cift_shared.kafka.subscriber import BatchSubscriber
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.security.kafka import Brokers
from cift_shared.waiting import wait_for_event
from tests.simulation.loop import PROCESS, Network

PARTITIONS = 3
SESSION_S = 10.0


@dataclass
class Entry:
    """A record where it rests."""

    message: OutgoingMessage
    visible_at: float


@dataclass
class Group:
    """Who reads which partition, and how far they said they came."""

    topic: str
    members: dict[str, "MemoryConsumer"] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    committed: dict[int, int] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)
    """The highest offset ever committed; a late commit may set one back, which only repeats."""
    generation: int = 0

    def share_out(self, turn: int = 0) -> None:
        """Give each partition one reader, who begins at what was committed; `turn` moves them on.

        As with aiokafka's eager protocol, those that keep a partition begin there anew, too.
        """
        names = sorted(self.members)
        self.generation += 1
        for member in self.members.values():
            member.positions.clear()
        for partition in range(PARTITIONS if names else 0):
            self.owners[partition] = names[(partition + turn) % len(names)]
            member = self.members[self.owners[partition]]
            member.begin(partition, self.committed.get(partition, 0))


class MemoryBroker:
    """Topics and groups."""

    def __init__(self, network: Network, random: Random) -> None:
        self.network = network
        self.random = random
        self.topics: dict[str, list[list[Entry]]] = {}
        self.groups: dict[str, Group] = {}
        self.missing: dict[str, tuple[float, float]] = {}
        """When a topic is missing, in seconds of the loop."""
        self.duplicates = 0.0
        self.delays = 0.0

    def partitions(self, topic: str) -> list[list[Entry]]:
        return self.topics.setdefault(topic, [[] for _ in range(PARTITIONS)])

    def is_missing(self, topic: str) -> bool:
        begins, ends = self.missing.get(topic, (0.0, 0.0))
        return begins <= self.network.loop.time() < ends

    def append(self, message: OutgoingMessage) -> None:
        partition = zlib.crc32(message.key.encode()) % PARTITIONS
        entries = self.partitions(message.topic)[partition]
        now = self.network.loop.time()
        calm = now >= self.network.weather.ends_s
        late = 0.0 if calm or self.random.random() >= self.delays else 15 * self.random.random()
        visible_at = max(now + late, entries[-1].visible_at if entries else 0.0)
        twice = not calm and self.random.random() < self.duplicates
        entries.extend(Entry(message, visible_at) for _ in range(1 + twice))
        self.network.loop.call_at(visible_at, self.wake, message.topic)

    def wake(self, topic: str) -> None:
        for group in self.groups.values():
            if group.topic == topic:
                for member in group.members.values():
                    member.news.set()

    def join(self, name: str, member: "MemoryConsumer") -> None:
        """A member comes, or comes back under its name and keeps what it read."""
        if not member.process.alive:
            return  # its connection ended with it
        group = self.groups.setdefault(name, Group(member.topic))
        known = member.instance in group.members
        group.members[member.instance] = member
        if known:
            for partition, owner in group.owners.items():
                if owner == member.instance:
                    member.begin(partition, group.committed.get(partition, 0))
        else:
            group.share_out()

    def leave_if_gone(self, name: str, member: "MemoryConsumer") -> None:
        """The session of a dead member ends: others read on from what it committed."""
        group = self.groups[name]
        if group.members.get(member.instance) is member and len(group.members) > 1:
            del group.members[member.instance]
            group.share_out()

    def rebalance(self, turn: int) -> None:
        for group in self.groups.values():
            group.share_out(turn)

    def lag(self) -> int:
        """Records that a group has not committed."""
        return sum(
            len(entries) - group.reached.get(number, 0)
            for group in self.groups.values()
            for number, entries in enumerate(self.partitions(group.topic))
        )


def _kafka_away(_: str) -> BaseException:
    return KafkaConnectionError("the broker is away")


class MemoryProducer:
    """Where the producer stands: one flag a message, and no exceptions."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.failing: dict[str, str] = {}

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        broker = self._broker
        self.failing = {}
        refused = broker.random.randrange(PARTITIONS) if broker.random.random() < 0.02 else -1

        def append() -> list[bool]:
            flags = []
            for message in messages:
                taken = zlib.crc32(message.key.encode()) % PARTITIONS != refused
                if broker.is_missing(message.topic):
                    taken, self.failing[message.topic] = False, "it is missing"
                if taken:
                    broker.append(message)
                flags.append(taken)
            return flags

        try:
            return await broker.network.call(
                "broker", "publish", append, _kafka_away, patience_s=1.0
            )
        except KafkaConnectionError:
            return [False] * len(messages)


class MemoryConsumer:
    """Where aiokafka's consumer stands."""

    def __init__(self, broker: MemoryBroker, group: str, topic: str, instance: str) -> None:
        self.topic = topic
        self.instance = instance
        self.positions: dict[int, int] = {}
        self.news = asyncio.Event()
        self._broker = broker
        self._group = group
        self._client = SimpleNamespace(send=None)
        process = PROCESS.get()
        assert process is not None
        self.process = process
        process.on_death.append(self._end_session_later)

    def _end_session_later(self) -> None:
        if self._group in self._broker.groups:
            loop = self._broker.network.loop
            loop.call_later(SESSION_S, self._broker.leave_if_gone, self._group, self)

    def subscribe(self, topics: Sequence[str], listener: Any) -> None:
        """Partitions move without a word before: what the listener would commit is read again."""

    async def start(self) -> None:
        await self._call("join", lambda: self._broker.join(self._group, self))

    async def stop(self) -> None:
        """A static member says nothing when it goes."""

    def assignment(self) -> set[TopicPartition]:
        """None that anybody has to watch: what it asks is always answered."""
        return set()

    def begin(self, partition: int, offset: int) -> None:
        self.positions[partition] = offset
        self.news.set()

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, Any]:
        """Whole batches of some partitions, in no order between them."""
        while True:
            found = self._take(max_records)
            if found:
                return found
            self.news.clear()
            if not await wait_for_event(self.news, timeout_ms / 1000):
                return {}

    def _take(self, max_records: int) -> dict[TopicPartition, Any]:
        random, now = self._broker.random, self._broker.network.loop.time()
        found: dict[TopicPartition, Any] = {}
        order = sorted(self.positions)
        random.shuffle(order)
        for partition in order:
            offset = self.positions[partition]
            entries = self._broker.partitions(self.topic)[partition][offset : offset + max_records]
            ready = [entry for entry in entries if entry.visible_at <= now]
            if len(ready) > 1:
                ready = ready[: random.randint(1, len(ready))]
            if ready:
                self.positions[partition] = offset + len(ready)
                found[TopicPartition(self.topic, partition)] = [
                    self._raw(partition, offset + place, entry.message)
                    for place, entry in enumerate(ready)
                ]
        return found

    def _raw(self, partition: int, offset: int, message: OutgoingMessage) -> Any:
        return SimpleNamespace(
            topic=self.topic,
            partition=partition,
            offset=offset,
            key=message.key.encode(),
            value=message.body,
            headers=[(name, text.encode()) for name, text in message.headers.items()],
            timestamp=0,
        )

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        generation = self._broker.groups[self._group].generation
        await self._call("commit", lambda: self._commit(offsets, generation))

    def _commit(self, offsets: Mapping[TopicPartition, int], generation: int) -> None:
        group = self._broker.groups[self._group]
        is_member = group.members.get(self.instance) is self and group.generation == generation
        if not is_member or any(
            group.owners.get(place.partition) != self.instance for place in offsets
        ):
            raise CommitFailedError
        for place, offset in offsets.items():
            group.committed[place.partition] = offset
            group.reached[place.partition] = max(offset, group.reached.get(place.partition, 0))

    async def _call(self, name: str, effect: Any) -> None:
        await self._broker.network.call("broker", name, effect, _kafka_away, patience_s=1.0)


class SimulatedSubscriber(BatchSubscriber):
    """The service's own loop over a consumer in memory."""

    def __init__(self, broker: MemoryBroker, topics: Any, **options: Any) -> None:
        super().__init__(topics, brokers=Brokers(""), **options)
        self._broker = broker
        self._random = broker.random

    def _new_consumer(self) -> Any:
        return MemoryConsumer(self._broker, self._group, self._topics[0], self._instance)
