"""Checks of Kafka: connection, version, brokers, topics.

The protocol states neither a broker's release nor its clock. The release is derived from the newest
fetch request that the broker accepts; clocks of brokers must be compared on their machines.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.protocol.admin import ApiVersionRequest

from cift_shared.cli.doctor.finding import Finding, fail, ok, warn
from cift_shared.cli.errors import no_client_logs
from cift_shared.database.connecting import broker_errors
from cift_shared.errors import CiftError
from cift_shared.kafka.admin import REQUEST_TIMEOUT_MS, admin_client
from cift_shared.messaging.topics import all_topics
from cift_shared.security.kafka import Brokers

REPLICATION_IN_LIVE = 3
_FETCH = 1
_RELEASES = {12: "2.7", 13: "3.1", 15: "3.5", 16: "3.7", 17: "3.9", 18: "4.1"}
"""The first release that accepts each version of the fetch request.

Source: https://kafka.apache.org/protocol
"""
_FETCH_MIN = 13

Topics = dict[str, dict[str, Any]]


async def check_kafka(brokers: Brokers, *, live: bool) -> AsyncIterator[Finding]:
    """All findings about the brokers; after a failed connection only that one."""
    try:
        with broker_errors(brokers.servers), no_client_logs():
            count, topics = await _metadata(brokers)
            fetch = await _fetch_version(brokers)
    except CiftError as error:
        advice = "start Kafka, or correct the settings KAFKA_..."
        yield fail("kafka.connection", str(error), advice)
        return
    yield ok("kafka.connection", f"{count} brokers answer for {brokers.servers}")
    yield _version(fetch)
    for finding in _topics(topics, brokers=count, live=live):
        yield finding


async def _metadata(brokers: Brokers) -> tuple[int, Topics]:
    async with admin_client(brokers) as admin:
        nodes = (await admin.describe_cluster())["brokers"]
        found = await admin.describe_topics()  # all: a broker may create a topic that is named
    ours = {topic.name for topic in all_topics()}
    return len(nodes), {topic["topic"]: topic for topic in found if topic["topic"] in ours}


async def _fetch_version(brokers: Brokers) -> int:
    """The newest version of the fetch request that the first broker accepts; 0: it states none."""
    host, _, port = brokers.servers.split(",", maxsplit=1)[0].strip().rpartition(":")
    options = brokers.client_options()
    del options["bootstrap_servers"]
    connection = await create_conn(
        host.strip("[]"),
        int(port),
        client_id="cift-doctor",
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        **options,
    )
    try:
        answer = await connection.send(ApiVersionRequest())
    finally:
        connection.close()
    versions = {key: newest for key, _, newest in answer.api_versions}
    return int(versions.get(_FETCH, 0))


def _version(fetch: int) -> Finding:
    known = [version for version in _RELEASES if version <= fetch]
    release = f"{_RELEASES[max(known)]} or newer" if known else "older than 2.7"
    seen = f"speaks as Apache Kafka {release} (fetch version {fetch})"
    if fetch < _FETCH_MIN:
        return warn("kafka.version", seen, "the tests run on Apache Kafka 4; upgrade the brokers")
    return ok("kafka.version", seen)


def _topics(found: Topics, *, brokers: int, live: bool) -> Iterator[Finding]:
    wanted = {topic.name: topic for topic in all_topics()}
    missing = sorted(set(wanted) - set(found))
    if missing:
        seen = f"{len(missing)} topics are missing, the first is {missing[0]}"
        yield fail("kafka.topics", seen, "run cift topics")
    else:
        yield ok("kafka.topics", f"all {len(wanted)} topics are there")
    few = [
        name for name, topic in found.items() if len(topic["partitions"]) < wanted[name].partitions
    ]
    if few:
        seen = f"fewer partitions than made by cift topics: {', '.join(sorted(few))}"
        yield warn("kafka.partitions", seen, "more replicas than partitions have nothing to do")
    if found:
        yield _replication(found, brokers=brokers, live=live)
        yield _in_sync(found)


def _replication(found: Topics, *, brokers: int, live: bool) -> Finding:
    copies = min(len(part["replicas"]) for topic in found.values() for part in topic["partitions"])
    seen = f"every topic has {copies} copies or more, on {brokers} brokers"
    if live and copies < REPLICATION_IN_LIVE:
        advice = "real money: three brokers, cift topics --replication 3 before the first start"
        return fail("kafka.replication", seen, advice)
    if copies < min(brokers, REPLICATION_IN_LIVE):
        advice = "there are brokers for more copies: reassign the partitions with Kafka's tools"
        return warn("kafka.replication", seen, advice)
    return ok("kafka.replication", seen)


def _in_sync(found: Topics) -> Finding:
    behind = sorted(
        name
        for name, topic in found.items()
        if any(len(part["isr"]) < len(part["replicas"]) for part in topic["partitions"])
    )
    if behind:
        seen = f"copies are behind: {', '.join(behind[:3])}"
        return warn("kafka.in_sync", seen, "look at the brokers: one is down or slow")
    return ok("kafka.in_sync", "every copy is in sync")
