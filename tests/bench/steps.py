"""Where the time of a deposit goes between us and the provider, from stamps that exist anyway.

A deposit by M-Pesa leaves a stamp at every step: the generator's due time, commits in PostgreSQL
(track_commit_timestamp), Kafka's record times, the twin's arrival, our own notes. All clocks are
this machine's. What is over the provider's fixed time is ours, the twin's own work included.
"""

import json
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from cift_shared.messaging.topics import EVENTS, RESULTS, commands, webhooks
from tests.bench.cluster import PROVIDER_S, Cluster
from tests.bench.load import Result
from tests.bench.twin import pushed_at

METHOD = "mpesa"
TOPICS = (commands(METHOD), webhooks(METHOD), RESULTS, EVENTS)
STEPS = (
    ("accept: due to committed", "due", "accepted"),
    ("outbox to Kafka: command", "accepted", "command"),
    ("ingest: Kafka to attempt", "command", "attempt"),
    ("claim and call: attempt to the provider", "attempt", "called"),
    ("provider's answer to our gateway, less its fixed time", "called", "noticed"),
    ("outbox to Kafka: notice", "noticed", "notice"),
    ("ingest, claim, question to the provider", "notice", "decided"),
    ("save, outbox to Kafka: result", "decided", "result"),
    ("ledger: Kafka to posted", "result", "posted"),
    ("told: outbox to Kafka, event", "posted", "told"),
)
"""Name, from, to; each begins where the one before ended."""

Stamps = dict[str, float]

_LEDGER = """
select payment_id::text as id, kind, to_status, extract(epoch from occurred_at)::float8 as occurred,
       extract(epoch from pg_xact_commit_timestamp(xmin))::float8 as committed
  from ledger.payment_event where payment_id = any ($1::uuid[])
"""
_ATTEMPTS = """
select a.payment_id::text as id, a.attempt_id::text as attempt_id,
       extract(epoch from a.created_at)::float8 as created,
       extract(epoch from min(n.received_at))::float8 as noticed
  from mpesa.attempt a left join mpesa.notice n using (attempt_id)
 where a.payment_id = any ($1::uuid[]) group by a.attempt_id
"""


async def stamps(
    cluster: Cluster, result: Result, since: Mapping[TopicPartition, int]
) -> list[Stamps]:
    """The stamps of every accepted M-Pesa deposit that was settled, wall clock in seconds."""
    due = {result.ids[n]: result.started_at + result.due[n] for n in result.accepted}
    found: dict[str, Stamps] = {id_: {"due": at} for id_, at in due.items()}
    for row in await cluster.rows(_LEDGER, list(due)):
        if row["kind"] == "accepted":
            found[row["id"]]["accepted"] = row["committed"]
        elif row["to_status"] == "completed":
            found[row["id"]] |= {"posted": row["committed"], "decided": row["occurred"]}
    payments = {}
    for row in await cluster.rows(_ATTEMPTS, list(due)):
        payments[row["attempt_id"]] = row["id"]
        found[row["id"]]["attempt"] = row["created"]
        if row["noticed"] is not None:
            found[row["id"]]["noticed"] = row["noticed"]
    for id_, at in pushed_at(cluster.folder, due).items():
        found[id_]["called"] = at
    await _take_records(cluster, found, payments, since)
    wanted = {name for _, _, name in STEPS}
    return [times for times in found.values() if wanted <= set(times)]


async def ends(cluster: Cluster) -> dict[TopicPartition, int]:
    """Where the topics end now."""
    async with _reader(cluster) as reader:
        return dict(await reader.end_offsets(await _partitions(reader)))


async def _take_records(
    cluster: Cluster,
    found: dict[str, Stamps],
    payments: Mapping[str, str],
    since: Mapping[TopicPartition, int],
) -> None:
    """When Kafka got each message, by its records' own times."""
    names = {commands(METHOD): "command", webhooks(METHOD): "notice", EVENTS: "told"}
    async with _reader(cluster) as reader:
        parts = await _partitions(reader)
        until = await reader.end_offsets(parts)
        reader.assign(parts)
        for part in parts:
            reader.seek(part, since.get(part, 0))
        while any([await reader.position(part) < until[part] for part in parts]):
            for part, records in (await reader.getmany(timeout_ms=500, max_records=5000)).items():
                for record in records:
                    key = (record.key or b"").decode()
                    times = found.get(payments.get(key, key))
                    if times is None:
                        continue
                    name = names.get(part.topic, "result")
                    if part.topic in (RESULTS, EVENTS) and not _settles(record.value):
                        continue
                    times.setdefault(name, record.timestamp / 1_000)


def _settles(body: bytes) -> bool:
    told = json.loads(body)
    return told["kind"] == "settled" or told.get("type") == "payment.completed"


def _reader(cluster: Cluster) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=cluster.stack.kafka_bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )


async def _partitions(reader: AIOKafkaConsumer) -> list[TopicPartition]:
    await reader._client.force_metadata_update()
    return [
        TopicPartition(topic, number)
        for topic in TOPICS
        for number in reader.partitions_for_topic(topic) or ()
    ]


def added_s(times: Stamps, end: str = "posted") -> float:
    """Seconds from when the request was due to its end, less the provider's fixed time."""
    return times[end] - times["due"] - PROVIDER_S


def step_s(times: Stamps, start: str, end: str) -> float:
    """Seconds of one step, less the provider's fixed time where it lies in it."""
    return times[end] - times[start] - (PROVIDER_S if start == "called" else 0.0)
