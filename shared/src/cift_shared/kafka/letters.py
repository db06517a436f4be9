"""Read dead letters, and publish one again at an operator's command.

A record of a Kafka log can't be changed, so a replay is noted by a separate record: a marker with
no body, in the letter's partition. The marker is written after the letter was published again, so
after a crash in between the letter may be replayed a second time; handlers deduplicate by message
id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from cift_shared.errors import ServerRefused
from cift_shared.kafka.admin import partitions
from cift_shared.kafka.reading import TIMEOUT_MS, open_reader
from cift_shared.messaging.topics import DEAD_LETTER_SUFFIX
from cift_shared.security.kafka import Brokers

REPLAY_OF, REPLAYED_AT = "x-dlq-replay-of", "x-dlq-replayed-at"
REPLAYED_FROM = "x-replayed-from"
CUT_BODY = "x-dlq-body-bytes"
_KEPT = {"x-attempt", "x-first-failed-at"}
"""Our headers that a replay keeps: they are read if the record becomes a dead letter again."""
_OURS = ("x-dlq-", "x-orig-", "x-consumer-group", *_KEPT)
_POLL_MS = 500

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Position:
    """The position of a record."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def from_text(cls, text: str) -> "Position":
        """Read `topic:partition:offset`.

        Raises:
            ValueError: the text does not have that form.
        """
        topic, partition, offset = text.rsplit(":", 2)
        if not topic or not partition.isdecimal() or not offset.isdecimal():
            raise ValueError(text)
        return cls(topic, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter."""

    position: Position
    at: datetime
    key: bytes | None
    body: bytes
    raw_headers: Headers
    replayed_at: str | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers as text."""
        return {name: value.decode(errors="replace") for name, value in self.raw_headers}

    @property
    def topic(self) -> str:
        """The rejected record's topic; not read from a header, because headers are untrusted."""
        return self.position.topic.removesuffix(DEAD_LETTER_SUFFIX)

    @property
    def origin(self) -> Position | None:
        """The position of the rejected record; None if the headers don't state it."""
        headers = self.headers
        try:
            return Position(
                self.topic, int(headers["x-orig-partition"]), int(headers["x-orig-offset"])
            )
        except (KeyError, ValueError):
            return None


async def read_letters(
    brokers: Brokers, *, topics: Sequence[str] = (), newest: int = 100
) -> list[Letter]:
    """The newest letters, the oldest first.

    Args:
        brokers: where the topics are.
        topics: only letters of these topics.
        newest: how many records of each partition are read, from the end.
    """
    chosen = [
        partition
        for partition in await partitions(brokers)
        if partition.topic.endswith(DEAD_LETTER_SUFFIX)
        and (not topics or partition.topic.removesuffix(DEAD_LETTER_SUFFIX) in topics)
    ]
    if not chosen:
        return []
    async with open_reader(brokers) as consumer:
        records = await _read(consumer, chosen, newest)
    return _with_markers(records)


async def read_letter(brokers: Brokers, position: Position) -> Letter:
    """One letter.

    Raises:
        ServerRefused: there is no letter at this position, or it is deleted.
    """
    if position.topic.endswith(DEAD_LETTER_SUFFIX):
        records = await _read_from(brokers, position)
        found = [letter for letter in _with_markers(records) if letter.position == position]
        if found:
            return found[0]
    raise ServerRefused(f"there is no dead letter {position}: `cift dead-letters list` shows them")


async def replay(brokers: Brokers, letter: Letter, *, at: datetime) -> Position:
    """Publish a letter to its topic again, with its key and headers; returns the new position.

    Raises:
        ServerRefused: the letter's body was cut, and the full body no longer exists.
    """
    body = await _whole_body(brokers, letter)
    headers = [
        *((name, value) for name, value in letter.raw_headers if _is_kept(name)),
        (REPLAYED_FROM, str(letter.position).encode()),
    ]
    producer = AIOKafkaProducer(
        **brokers.client_options(),
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=TIMEOUT_MS,
    )
    try:
        await producer.start()
        sent = await producer.send_and_wait(
            letter.topic, value=body, key=letter.key, headers=headers
        )
        marker = [
            (REPLAY_OF, str(letter.position).encode()),
            (REPLAYED_AT, at.isoformat().encode()),
        ]
        await producer.send_and_wait(
            letter.position.topic,
            value=b"",
            key=letter.key,
            headers=marker,
            partition=letter.position.partition,
        )
    finally:
        await producer.stop()
    return Position(sent.topic, sent.partition, sent.offset)


async def _read(
    consumer: AIOKafkaConsumer, chosen: Sequence[TopicPartition], newest: int
) -> list[ConsumerRecord]:
    """The last `newest` records of each of these partitions, up to their current ends."""
    consumer.assign(chosen)
    begins = await consumer.beginning_offsets(chosen)
    ends = await consumer.end_offsets(chosen)
    for partition in chosen:
        consumer.seek(partition, max(begins[partition], ends[partition] - newest))
    return await _drain(consumer, ends)


async def _read_from(brokers: Brokers, position: Position) -> list[ConsumerRecord]:
    """The records of a partition from a position on; none if the position is not in the log."""
    partition = TopicPartition(position.topic, position.partition)
    if partition not in await partitions(brokers):
        return []
    async with open_reader(brokers) as consumer:
        consumer.assign([partition])
        begins = await consumer.beginning_offsets([partition])
        ends = await consumer.end_offsets([partition])
        if not begins[partition] <= position.offset < ends[partition]:
            return []
        consumer.seek(partition, position.offset)
        return await _drain(consumer, ends)


async def _drain(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
) -> list[ConsumerRecord]:
    records: list[ConsumerRecord] = []
    pending = dict(ends)
    while pending:
        for partition, end in list(pending.items()):
            if await consumer.position(partition) >= end:
                del pending[partition]
        if not pending:
            break
        for batch in (await consumer.getmany(*pending, timeout_ms=_POLL_MS)).values():
            records += batch
    return sorted(records, key=lambda record: (record.timestamp, record.offset))


async def _whole_body(brokers: Brokers, letter: Letter) -> bytes:
    """The letter's body; if it was cut, the full body is read at its original position."""
    if CUT_BODY not in letter.headers:
        return letter.body
    if letter.origin is not None:
        for record in await _read_from(brokers, letter.origin):
            if record.offset == letter.origin.offset:
                return bytes(record.value or b"")
    raise ServerRefused(
        f"{letter.position} has only a part of its body, and the original record is deleted"
    )


def _is_kept(name: str) -> bool:
    return name in _KEPT or not name.startswith(_OURS)


def _with_markers(records: Sequence[ConsumerRecord]) -> list[Letter]:
    """The letters, each with the time of its last replay."""
    replayed: dict[str, str] = {}
    letters = []
    for record in records:
        letter = _letter(record)
        if REPLAY_OF in letter.headers:
            replayed[letter.headers[REPLAY_OF]] = letter.headers.get(REPLAYED_AT, "")
        else:
            letters.append(letter)
    return [replace(letter, replayed_at=replayed.get(str(letter.position))) for letter in letters]


def _letter(record: Any) -> Letter:
    return Letter(
        position=Position(record.topic, record.partition, record.offset),
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=record.key,
        body=record.value or b"",
        raw_headers=record.headers,
    )
