"""Apache Kafka itself, one node in KRaft mode, from the jars of Maven Central.

It is for tests that the embedded broker can't cover: crashes, rebalances, published figures. It
needs a JDK (17 or newer) and, for the first run, Maven and the network. There is one broker, so a
topic has one replica, and an acknowledged record is only as safe as the machine's page cache.
"""

import base64
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cift_local.errors import LocalStackError, StartError
from cift_local.kafka_probe import serves_metadata
from cift_local.ports import LOOPBACK, free_port
from cift_local.process_group import Program
from cift_local.servers import Server

POM = Path(__file__).parents[2] / "kafka" / "pom.xml"
EVERY_MESSAGE_TO_DISK = {"log.flush.interval.messages": "1"}
"""Settings for a broker that forces each batch to disk before it acknowledges."""

_JAVA_MIN = 17
_SMALL = ("-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""JVM options for a few cores and some hundred records per second.

At this load the optimising compiler costs more CPU than it saves. Measured on two cores: a third
less CPU for a start, and for each payment in the first half minute.
"""


class Kafka(Server):
    """One Apache Kafka node, broker and controller in one process."""

    name = "kafka"
    start_timeout_s = 60.0

    def __init__(
        self,
        folder: Path,
        *,
        jars: Path,
        port: int | None = None,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`jars` is the folder that `resolve_jars` returns; `settings` override ours."""
        super().__init__(folder, port=port or free_port(), log=log)
        self._jars = jars
        ours = broker_settings(self.folder / "data", self.port, free_port())
        self._settings = {**ours, **(settings or {})}

    @property
    def bootstrap(self) -> str:
        """The bootstrap address for clients."""
        return f"{LOOPBACK}:{self.port}"

    def program(self) -> Program:
        """Lock the folder, format its storage at the first start, return the program to run."""
        self.claim()
        properties = self.folder / "server.properties"
        properties.write_text(to_properties(self._settings))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(properties)
        argv = (*self._java(*_SMALL), "kafka.Kafka", str(properties))
        return Program(self.name, argv, self.log)

    async def is_ready(self) -> bool:
        """Return True when it answers a metadata request."""
        return await serves_metadata(LOOPBACK, self.port)

    def _cluster_id(self) -> str:
        """Return the id to format the storage with; all nodes of a cluster have the same."""
        return new_cluster_id()

    def _java(self, *options: str) -> tuple[str, ...]:
        """Return the beginning of a java command line; log lines have timestamps."""
        dated = "-Dorg.slf4j.simpleLogger.showDateTime=true"
        return (java(), *options, dated, "-cp", f"{self._jars}/*")

    def _format(self, properties: Path) -> None:
        """Write the cluster id to the storage: a KRaft node needs it before its first start."""
        tool = (*self._java(), "kafka.tools.StorageTool", "format")
        argv = (*tool, "-t", self._cluster_id(), "-c", str(properties))
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            message = f"Kafka could not format {self.folder}:\n{done.stdout}{done.stderr}"
            raise StartError(message)


def broker_settings(data: Path, port: int, controller_port: int) -> dict[str, str]:
    """Return the settings of a single small node: no rebalance delay, no automatic topics."""
    one = dict.fromkeys(
        (
            "node.id",
            "offsets.topic.replication.factor",
            "transaction.state.log.replication.factor",
            "transaction.state.log.min.isr",
            "share.coordinator.state.topic.replication.factor",
            "share.coordinator.state.topic.min.isr",
            "min.insync.replicas",
            "default.replication.factor",
        ),
        "1",
    )
    return one | {
        "process.roles": "broker,controller",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        # After `kill -9` the node waits until its own old session expires (9 s by default).
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }


def to_properties(settings: Mapping[str, str]) -> str:
    """Return the settings as the text of a Java properties file."""
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def new_cluster_id() -> str:
    """Return a random cluster id: 16 bytes in URL-safe base64 without padding.

    Like Kafka's own ids, it never begins with a dash: Kafka's tools would read it as an option.
    """
    while (drawn := base64.urlsafe_b64encode(secrets.token_bytes(16))).startswith(b"-"):
        pass
    return drawn.decode().rstrip("=")


def kafka_version() -> str:
    """Return the release of Apache Kafka that our pom names."""
    found = re.search(r"<kafka\.version>([\d.]+)</kafka\.version>", POM.read_text())
    if found is None:
        message = f"{POM} names no kafka.version"
        raise LocalStackError(message)
    return found.group(1)


def resolve_jars(cache: Path) -> Path:
    """Return the folder with Kafka's jars; Maven fetches them at the first call.

    Raises:
        LocalStackError: Maven is missing or could not fetch them.
    """
    jars = cache.absolute() / kafka_version()
    complete = jars / ".complete"
    if complete.exists():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        message = "Apache Kafka needs Maven (`mvn`) once, to fetch its jars; it is not on PATH"
        raise LocalStackError(message)
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}")
    done = subprocess.run(
        (maven, "-q", "-B", "-f", str(POM), *goal), check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        message = f"Maven could not fetch Apache Kafka:\n{done.stdout}{done.stderr}"
        raise LocalStackError(message)
    complete.touch()
    return jars


def java() -> str:
    """Return the path of the java program.

    Raises:
        LocalStackError: There is no java, or it is too old for Kafka.
    """
    path = shutil.which("java")
    if path is None:
        message = f"Apache Kafka needs Java {_JAVA_MIN} or newer; there is no `java` on PATH"
        raise LocalStackError(message)
    done = subprocess.run((path, "-version"), check=False, capture_output=True, text=True)
    found = re.search(r'version "(\d+)', done.stderr)
    if found is None or int(found.group(1)) < _JAVA_MIN:
        message = f"Apache Kafka needs Java {_JAVA_MIN} or newer; {path} is: {done.stderr.strip()}"
        raise LocalStackError(message)
    return path
