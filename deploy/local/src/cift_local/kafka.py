"""Apache Kafka itself, one node in KRaft mode, from the jars of Maven Central.

For whatever the embedded broker cannot show: crashes, rebalances, published figures. It needs a
JDK (17 or newer) and, once, Maven and the network; it runs on one broker, so a topic has one
replica and an acknowledged record is as safe as the machine's page cache.
"""

import base64
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cift_local.children import Program
from cift_local.errors import LocalStackError, StartError
from cift_local.kafka_probe import serves_metadata
from cift_local.ports import LOOPBACK, free_port
from cift_local.servers import Server

POM = Path(__file__).parents[2] / "kafka" / "pom.xml"
EVERY_MESSAGE_TO_DISK = {"log.flush.interval.messages": "1"}
"""Settings for a broker that forces each batch to disk before it acknowledges."""

_JAVA_MIN = 17
_SMALL = ("-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A few cores and some hundred records a second: the optimising compiler costs more than it saves.

Measured on two cores: a third less CPU for a start, and per payment in the first half minute.
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
        """`jars` as `resolve_jars` answers them; `settings` win over ours."""
        super().__init__(folder, port=port or free_port(), log=log)
        self._jars = jars
        ours = broker_settings(self.folder / "data", self.port, free_port())
        self._settings = {**ours, **(settings or {})}

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"{LOOPBACK}:{self.port}"

    def program(self) -> Program:
        """Claims the folder, formats its storage at the first start, answers what to run."""
        self.claim()
        properties = self.folder / "server.properties"
        properties.write_text(to_properties(self._settings))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(properties)
        argv = (*self._java(*_SMALL), "kafka.Kafka", str(properties))
        return Program(self.name, argv, self.log)

    async def is_ready(self) -> bool:
        """Tells whether it answers a metadata request."""
        return await serves_metadata(LOOPBACK, self.port)

    def _java(self, *options: str) -> tuple[str, ...]:
        """Answers the beginning of a java command line; log lines carry their time."""
        dated = "-Dorg.slf4j.simpleLogger.showDateTime=true"
        return (java(), *options, dated, "-cp", f"{self._jars}/*")

    def _format(self, properties: Path) -> None:
        """Writes the storage's identity, as every KRaft node needs it before its first start."""
        tool = (*self._java(), "kafka.tools.StorageTool", "format")
        argv = (*tool, "-t", new_cluster_id(), "-c", str(properties))
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            message = f"Kafka could not format {self.folder}:\n{done.stdout}{done.stderr}"
            raise StartError(message)


def broker_settings(data: Path, port: int, controller_port: int) -> dict[str, str]:
    """Answers the settings of a single small node; groups form at once, topics are made by hand."""
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
        # After `kill -9` the node waits for its own dead session to end (9 s by default).
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }


def to_properties(settings: Mapping[str, str]) -> str:
    """Writes settings as a Java properties file."""
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def new_cluster_id() -> str:
    """Answers a random cluster id: 16 bytes in URL-safe base64 without padding.

    None begins with a dash, as with Kafka's own: its tools would take it for an option.
    """
    while (drawn := base64.urlsafe_b64encode(secrets.token_bytes(16))).startswith(b"-"):
        pass
    return drawn.decode().rstrip("=")


def kafka_version() -> str:
    """Answers the release of Apache Kafka that our pom names."""
    found = re.search(r"<kafka\.version>([\d.]+)</kafka\.version>", POM.read_text())
    if found is None:
        message = f"{POM} names no kafka.version"
        raise LocalStackError(message)
    return found.group(1)


def resolve_jars(cache: Path) -> Path:
    """Answers the folder with Kafka's jars, fetched by Maven at the first call.

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
    """Answers the java program to run.

    Raises:
        LocalStackError: There is none, or it is older than Kafka needs.
    """
    path = shutil.which("java")
    if path is None:
        message = f"Apache Kafka needs Java {_JAVA_MIN} or newer; there is no `java` on PATH"
        raise LocalStackError(message)
    said = subprocess.run((path, "-version"), check=False, capture_output=True, text=True).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found.group(1)) < _JAVA_MIN:
        message = f"Apache Kafka needs Java {_JAVA_MIN} or newer; {path} is: {said.strip()}"
        raise LocalStackError(message)
    return path
