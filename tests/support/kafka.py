"""Kafka for tests: Apache Kafka in a container where an engine answers, else the embedded broker.

Tests marked `kafka` need Apache Kafka, in this order: the one `CIFT_TEST_KAFKA` names, a container
where an engine answers, else the jars by Maven and a JDK. Without any of them these tests fail in
CI and are skipped, aloud, elsewhere: another broker never takes its place in silence.
`CIFT_TEST_BROKER` chooses the broker of all other integration tests: `kafka` (Apache Kafka, as
above), `container`, or `embedded`.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cift_local.broker import EmbeddedBroker, broker_version
from cift_local.errors import LocalStackError
from cift_local.kafka import Kafka, java, kafka_version, resolve_jars
from cift_local.kafka_probe import serves_metadata
from cift_local.ports import LOOPBACK, free_port
from cift_local.waiting import run_in_thread, wait_until
from tests.support.docker import bind_to_loopback, docker_is_reachable, engine, kafka_image
from tests.support.postgres import throw_away_folder

GIVEN = "CIFT_TEST_KAFKA"
CHOICE = "CIFT_TEST_BROKER"
JARS = Path(__file__).parents[2] / ".cift" / "kafka-libs"

_CONTAINER_STARTS_WITHIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker: where clients connect, and whether it is Apache Kafka."""

    bootstrap: str
    is_apache_kafka: bool


def wants_apache_kafka() -> bool:
    """Tells whether integration tests run on Apache Kafka instead of the embedded broker."""
    choice = os.environ.get(CHOICE)
    if choice not in {None, "embedded", "kafka", "container"}:
        message = f"{CHOICE} is `{choice}`: say `embedded`, `kafka` or `container`"
        raise pytest.UsageError(message)
    if choice == "container" and not docker_is_reachable():
        raise pytest.UsageError(f"{CHOICE} is `container`, and no container engine answers")
    return docker_is_reachable() if choice is None else choice != "embedded"


def describe() -> list[str]:
    """Answers the lines for the report header."""
    embedded = f"embedded noida-db {broker_version()}"
    broker = "the Apache Kafka below" if wants_apache_kafka() else embedded
    return [f"Broker: {broker}", f"Apache Kafka (tests marked kafka): {_describe_kafka()}"]


@contextmanager
def running_embedded_broker() -> Iterator[Broker]:
    """Runs the embedded broker."""
    with throw_away_folder("broker") as folder, EmbeddedBroker(folder) as server:
        yield Broker(server.bootstrap, is_apache_kafka=False)


@contextmanager
def running_kafka() -> Iterator[Broker]:
    """Runs Apache Kafka, or skips (fails in CI) where there is none to run."""
    if GIVEN in os.environ:
        yield Broker(os.environ[GIVEN], is_apache_kafka=True)
    elif docker_is_reachable():
        yield from _in_container()
    else:
        jars = kafka_jars()
        with throw_away_folder("kafka") as folder, Kafka(folder, jars=jars) as server:
            yield Broker(server.bootstrap, is_apache_kafka=True)


def kafka_jars() -> Path:
    """Answers Kafka's jars for a test that runs (and kills) a node of its own, or skips."""
    try:
        java()
        return resolve_jars(JARS)
    except LocalStackError as error:
        reason = f"no Apache Kafka to test on: {error}"
        if "CI" in os.environ:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def _describe_kafka() -> str:
    if GIVEN in os.environ:
        return f"the one that {GIVEN} names"
    if docker_is_reachable():
        return f"container {_image()} ({engine()})"
    if shutil.which("java") is None or shutil.which("mvn") is None:
        return "NONE (needs a container engine, or Maven and a JDK)"
    return f"{kafka_version()} from Maven Central's jars"


def _image() -> str:
    return kafka_image(kafka_version())


def _in_container() -> Iterator[Broker]:
    """Runs the official image; testcontainers' own Kafka class knows Confluent's paths only."""
    from testcontainers.core.container import DockerContainer

    port = free_port()
    container = DockerContainer(_image())
    bind_to_loopback(container, port, port)
    container.with_envs(
        KAFKA_NODE_ID="1",
        KAFKA_PROCESS_ROLES="broker,controller",
        KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
        KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
        KAFKA_LISTENERS=f"PLAINTEXT://:{port},CONTROLLER://:9093",
        KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://{LOOPBACK}:{port}",
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
        KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
        KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
        KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
        KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
    )
    with container:
        wait = wait_until(lambda: serves_metadata(LOOPBACK, port), _CONTAINER_STARTS_WITHIN_S)
        if not run_in_thread(wait):
            pytest.fail(f"{_image()} did not answer on {LOOPBACK}:{port}", pytrace=False)
        yield Broker(f"{LOOPBACK}:{port}", is_apache_kafka=True)
