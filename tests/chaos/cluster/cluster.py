"""The cluster of a run: Apache Kafka, PostgreSQL, the twins, every service, and links between them.

Each is a process of its own and is brought back when it dies. Services reach their servers, and the
twins reach the gateway, through links (`proxy.py`) that can be told to misbehave; who judges uses
the direct addresses.
"""

import asyncio
import contextlib
import functools
import os
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from cift_local.kafka import Kafka
from cift_local.ports import LOOPBACK
from cift_local.postgres import Postgres
from cift_local.processes import Supervisor, server
from cift_local.stack import DATABASE, Options, Stack, replica, running_stack
from cift_local.supervised_process import BACKOFF_LAST_S, State, Status
from cift_shared.clock import OFFSET
from cift_shared.rails.local import (
    PROVIDER_SANDBOX,
    LocalRail,
    local_processes,
    local_rails,
    local_twins,
)
from tests.chaos.cluster.proxy import Link
from tests.chaos.rails.installed import TRAFFIC
from tests.support.kafka import kafka_jars

SERVICES = ("gateway", "ledger", *dict.fromkeys(rail.worker for rail in local_rails().values()))
TWIN = PROVIDER_SANDBOX.name
"""The process with the twins that can be killed: it keeps its state."""
TWINS = tuple(twin.name for twin in local_twins())
PROCESSES = tuple(local_processes())
"""What rails run beside their workers."""
SERVERS = ("postgres", "kafka")
START_S = 180.0
"""A busy machine takes long to start a broker, which is not what a run is about."""
PARTS = (*SERVICES, *TWINS, *PROCESSES, *SERVERS)


def link_to_provider(rail: LocalRail) -> str:
    """The name of the link from a rail's worker to its twin; a chain's is its node."""
    twins = {one.twin.name for one in local_rails().values() if one.worker == rail.worker}
    return f"{rail.worker}>provider" if len(twins) == 1 else f"{rail.worker}>{rail.twin.name}"


LINKS: Mapping[str, str] = {
    **{f"{name}>postgres": "postgres" for name in SERVICES},
    "services>kafka": "kafka",
    **{link_to_provider(rail): rail.twin.name for rail in local_rails().values()},
    "provider>gateway": "gateway",
}
"""Every link that may fail, and where it leads."""

QUICK: Mapping[str, str] = {
    "CIFT_LEDGER_SWEEP_INTERVAL_S": "2",
    "CIFT_LEDGER_SEAL_INTERVAL_S": "1",
    "CIFT_LEDGER_VERIFY_INTERVAL_S": "10",
    "CIFT_LOG_FORMAT": "json",
    "CIFT_TRACE_SAMPLE_RATIO": "0",
    "CIFT_SANDBOX_CALLBACK_TIMEOUT_S": "3",
    **{name: value for one in TRAFFIC.values() for name, value in one.settings.items()},
}
"""Settings that let hours of waiting pass in seconds; the rules are those of every day."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How to run a cluster."""

    speed: int = 40
    """How many times faster than the real provider the twins are."""
    restart_pause_max_s: float = BACKOFF_LAST_S
    """The longest pause before a part that keeps dying is started again."""
    env: Mapping[str, str] = field(default_factory=dict)
    """More variables for every service."""
    service_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """More variables for one service, by its name."""
    replicas: int = 1
    """Processes of each service."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster, and the hands to hurt it."""

    folder: Path
    stack: Stack
    database_url: str
    """PostgreSQL without a link between."""
    kafka: str
    """Apache Kafka without its link; clients are sent on to the link by what it advertises."""
    links: Mapping[str, Link]
    servers: Supervisor
    env: Mapping[str, dict[str, str]]
    """What each service starts with beside its settings; a change counts from its next start."""
    front: Link | None = None
    """The balancer before several gateways."""

    @property
    def gateway(self) -> str:
        """The API's address."""
        if self.front is not None:
            return f"http://{LOOPBACK}:{self.front.port}"
        return self.stack.url("gateway")

    def replicas(self, service: str) -> list[str]:
        """The names of a service's processes."""
        numbers = range(1, self.stack.options.replicas + 1)
        return [replica(service, number) for number in numbers]

    @property
    def twin(self) -> str:
        """The address of the twins that can be told to fail, for its control API."""
        return self.stack.url(TWIN)

    @property
    def twins(self) -> dict[str, str]:
        """The address of each rail's twin."""
        return {rail: self.stack.url(local.twin.name) for rail, local in local_rails().items()}

    def status(self, name: str) -> Status:
        """How a part is."""
        everyone = [*self.servers.status(), *self.stack.status()]
        return next(status for status in everyone if status.name == name)

    def addresses(self) -> dict[str, str]:
        """Where each process of each service tells its health and its metrics."""
        processes = (name for service in SERVICES for name in self.replicas(service))
        return {name: self.stack.ops_url(name) for name in processes}

    def is_ready(self) -> bool:
        """Whether every part serves."""
        parts = (*self.addresses(), *TWINS, *PROCESSES, *SERVERS)
        return all(self.status(name).state is State.READY for name in parts)

    def kill(self, name: str) -> None:
        """`kill -9`; the part comes back."""
        self.signal(name, signal.SIGKILL)

    def restart(self, name: str) -> None:
        """Ask a part to end in good order; it comes back."""
        self.signal(name, signal.SIGINT if name == "postgres" else signal.SIGTERM)

    def stop(self, name: str) -> None:
        """Freeze a part where it is."""
        self.signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a frozen part go on."""
        self.signal(name, signal.SIGCONT)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part's process; nothing where it is not running."""
        pid = self.status(name).pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def turn_to(self, gateway: str) -> None:
        """Lead clients and providers to one gateway, as a balancer does when another is silent."""
        ways = [self.links["provider>gateway"], *([self.front] if self.front else [])]
        for link in ways:
            if link.target != self.stack.ports[gateway]:
                link.target = self.stack.ports[gateway]
                link.poison("reset")

    def skew(self, name: str, seconds: int) -> None:
        """From its next start on a service's wall clock is wrong by so much."""
        self.env[name][OFFSET] = str(seconds)

    def arm(self, service: str, point: str) -> None:
        """The service dies at the fail point `name`, or at the n-th pass of it: `name:n`."""
        file = self._failpoint_file(service)
        fresh = file.with_suffix(".new")
        fresh.write_text(point)
        fresh.replace(file)

    def disarm(self, service: str) -> bool:
        """Take an armed point away; False when the service has died of it."""
        try:
            self._failpoint_file(service).unlink()
        except FileNotFoundError:
            return False
        return True

    def fired(self, service: str) -> bool:
        """Whether the point that was armed last has killed its service."""
        return not self._failpoint_file(service).exists()

    def _failpoint_file(self, service: str) -> Path:
        return failpoint_file(self.folder, service)


@contextlib.asynccontextmanager
async def running_cluster(
    folder: Path, options: ClusterOptions | None = None
) -> AsyncIterator[Cluster]:
    """Run a cluster in an empty folder that other users may enter (`throw_away_folder`)."""
    options = options or ClusterOptions()
    async with contextlib.AsyncExitStack() as held:
        links = {name: await _started(Link(name), held) for name in LINKS}
        postgres = Postgres(folder / "postgres", log=folder / "logs" / "postgres.log")
        kafka = Kafka(
            folder / "kafka",
            jars=kafka_jars(),
            log=folder / "logs" / "kafka.log",
            settings={
                "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{links['services>kafka'].port}"
            },
        )
        ports = {"postgres": postgres.port, "kafka": kafka.port}
        _lead(links, ports)
        servers = Supervisor([server(postgres), server(kafka)], start_timeout_s=START_S)
        await held.enter_async_context(servers)
        database_url = postgres.dsn(DATABASE)
        env = _env_of_services(folder, options, links, database_url)
        front = await _started(Link("front"), held) if options.replicas > 1 else None
        stack = await held.enter_async_context(
            running_stack(
                Options(
                    folder,
                    speed=options.speed,
                    restart_pause_max_s=options.restart_pause_max_s,
                    prefer_ports=False,
                    extra_env={**QUICK, **options.env},
                    address_for=functools.partial(_address_for, links),
                    service_env=env,
                    database_url=database_url,
                    kafka_bootstrap_servers=f"{LOOPBACK}:{links['services>kafka'].port}",
                    replicas=options.replicas,
                )
            )
        )
        _lead(links, stack.ports)
        cluster = Cluster(folder, stack, database_url, kafka.bootstrap, links, servers, env, front)
        cluster.turn_to("gateway")
        yield cluster


def failpoint_file(folder: Path, service: str) -> Path:
    """The file by which a service's fail points are armed."""
    return folder / "failpoints" / service


async def _started(link: Link, held: contextlib.AsyncExitStack) -> Link:
    await link.start()
    held.push_async_callback(link.stop)
    return link


def _lead(links: Mapping[str, Link], ports: Mapping[str, int]) -> None:
    for name, target in LINKS.items():
        if target in ports:
            links[name].target = ports[target]


def _address_for(links: Mapping[str, Link], rail: LocalRail, part: str) -> str:
    """Where the provider of a rail reaches the gateway, and its worker the provider: a link."""
    name = "provider>gateway" if part == "gateway" else link_to_provider(rail)
    return f"http://{LOOPBACK}:{links[name].port}"


def _env_of_services(
    folder: Path, options: ClusterOptions, links: Mapping[str, Link], database_url: str
) -> dict[str, dict[str, str]]:
    """Each service with a road of its own to PostgreSQL, and a file for its fail points."""
    (folder / "failpoints").mkdir(exist_ok=True)
    env: dict[str, dict[str, str]] = {TWIN: dict(options.service_env.get(TWIN, {}))}
    for name in SERVICES:
        env[name] = {
            "DATABASE_URL": _at_port(database_url, links[f"{name}>postgres"].port),
            "CIFT_FAILPOINT_FILE": str(failpoint_file(folder, name)),
            **options.service_env.get(name, {}),
        }
    return env


def _at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    host = f"{parts.username}:{parts.password}@{LOOPBACK}:{port}"
    return urlunsplit(parts._replace(netloc=host))


async def wait_ready(cluster: Cluster, within_s: float) -> bool:
    """True once every part serves; False after `within_s` seconds."""
    try:
        async with asyncio.timeout(within_s):
            while not cluster.is_ready():
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True
