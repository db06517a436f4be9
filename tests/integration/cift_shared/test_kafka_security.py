"""Clients of an Apache Kafka that demands TLS, a login by SCRAM, and an ACL for each topic."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cift_local.kafka import Kafka, java
from cift_local.ports import LOOPBACK, free_port
from cift_shared.kafka import BatchSubscriber, Producer, Record, create_topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DAY_MS, Topic
from cift_shared.security.kafka import Brokers
from tests.support.certificates import Authority
from tests.support.kafka import kafka_jars
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.kafka]

OPEN, CLOSED = "test.open", "test.closed"
USER, PASSWORD = "worker", "the-password-of-worker"
PATIENCE_S = 60
_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True, slots=True)
class Secured:
    """A broker with a listener for its administrator, and an encrypted one for clients."""

    admin: Brokers
    clients: Brokers
    folder: Path


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    jars = kafka_jars()
    with throw_away_folder("secured-kafka") as folder:
        authority = Authority(folder)
        plain, encrypted = free_port(), free_port()
        settings = _settings(authority, folder, plain, encrypted)
        with Kafka(folder / "kafka", jars=jars, port=plain, settings=settings) as server:
            admin = Brokers(server.bootstrap)
            asyncio.run(create_topics(admin, [Topic(n, 1, DAY_MS) for n in (OPEN, CLOSED)]))
            _allow(jars, server.bootstrap)
            clients = Brokers(
                f"{LOOPBACK}:{encrypted}",
                protocol="SASL_SSL",
                username=USER,
                password=PASSWORD,
                ca_file=authority.file,
            )
            yield Secured(admin, clients, folder)


def _settings(authority: Authority, folder: Path, plain: int, encrypted: int) -> Mapping[str, str]:
    certificate, key = authority.issue("broker")
    store = folder / "broker-store.pem"
    store.write_text(key.read_text() + certificate.read_text())
    controller = free_port()
    return {
        "listeners": f"PLAINTEXT://{LOOPBACK}:{plain},SASL_SSL://{LOOPBACK}:{encrypted},"
        f"CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{plain},SASL_SSL://{LOOPBACK}:{encrypted}",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,"
        "CONTROLLER:PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{_MODULE} required;",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The listener without a login is the administrator's.
        "super.users": "User:ANONYMOUS",
    }


def _allow(jars: Path, bootstrap: str) -> None:
    """Create the user, who may use one topic and one group."""
    scram = f"SCRAM-SHA-512=[password={PASSWORD}]"
    user = ("--entity-type", "users", "--entity-name", USER)
    _tool(jars, bootstrap, "kafka.admin.ConfigCommand", "--alter", "--add-config", scram, *user)
    may = ("org.apache.kafka.tools.AclCommand", "--add", "--allow-principal", f"User:{USER}")
    _tool(jars, bootstrap, *may, "--operation", "All", "--topic", OPEN, "--group", "group")


def _tool(jars: Path, bootstrap: str, name: str, *arguments: str) -> None:
    argv = [java(), "-cp", f"{jars}/*", name, "--bootstrap-server", bootstrap, *arguments]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


async def published(brokers: Brokers, topic: str = OPEN) -> bool:
    producer = Producer(brokers, name="test")
    try:
        async with asyncio.timeout(PATIENCE_S):
            [confirmed] = await producer.publish([OutgoingMessage(topic, "k", b"body", {})])
    finally:
        await producer.close()
    return confirmed


async def test_what_one_client_publishes_another_reads(secured: Secured) -> None:
    assert await published(secured.clients)
    handled = asyncio.Event()

    async def handle(records: list[Record]) -> list[Record]:
        assert records[0].body == b"body"
        handled.set()
        return []

    subscriber = BatchSubscriber(
        [OPEN],
        group="group",
        instance="reader-0",
        brokers=secured.clients,
        handler=handle,
        store_rejected=handle,
    )
    task = asyncio.create_task(subscriber.run())
    async with asyncio.timeout(PATIENCE_S):
        await handled.wait()
        subscriber.stop()
        await task


async def test_a_wrong_password_publishes_nothing(secured: Secured) -> None:
    assert not await published(replace(secured.clients, password="guessed"))


async def test_a_broker_of_another_authority_gets_nothing(secured: Secured) -> None:
    other = Authority(secured.folder, name="Another authority")
    assert not await published(replace(secured.clients, ca_file=other.file))


async def test_the_server_refuses_a_topic_without_an_acl(secured: Secured) -> None:
    assert not await published(secured.clients, CLOSED)


def cift(secured: Secured, *arguments: str, password: str = PASSWORD) -> tuple[int, str]:
    """Run a command whose password comes from a file."""
    file = secured.folder / "password"
    file.write_text(password + "\n")
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": secured.clients.servers,
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_USERNAME": USER,
        "KAFKA_SASL_PASSWORD_FILE": str(file),
        "KAFKA_SSL_CA_FILE": str(secured.clients.ca_file),
    }
    argv = [sys.executable, "-m", "cift_shared", *arguments]
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, env={**os.environ, **settings}
    )
    return done.returncode, done.stdout + done.stderr


def test_commands_connect_in_the_same_way(secured: Secured) -> None:
    code, shown = cift(secured, "dead-letters", "list")
    assert (code, "0 dead letters" in shown) == (0, True), shown
    _, shown = cift(secured, "doctor", "--json")
    assert '"name": "kafka.connection", "grade": "ok"' in " ".join(shown.split()), shown


def test_a_command_with_a_wrong_password_says_so_in_one_line(secured: Secured) -> None:
    code, shown = cift(secured, "dead-letters", "list", password="guessed")
    assert code in (3, 4)
    assert len(shown.strip().splitlines()) == 1, shown
    assert "guessed" not in shown
