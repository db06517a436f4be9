"""Run the whole platform on this machine: servers, twins, services, each in its own process.

PostgreSQL, broker (unless DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS name others)
-> provider twins -> migrations, topics -> additional processes of rails, ledger, workers, gateway
-> an API key
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from cift_local.addresses import ADDRESSES
from cift_local.broker import EmbeddedBroker
from cift_local.errors import StartError
from cift_local.ports import LOOPBACK, free_port, is_free
from cift_local.postgres import Postgres
from cift_local.processes import Supervisor, server, service
from cift_local.secret_keys import local_secrets
from cift_local.supervised_process import BACKOFF_LAST_S, Part, Status
from cift_shared.addresses import check_bootstrap_servers, check_database_url
from cift_shared.cli.errors import no_client_logs
from cift_shared.database.connecting import broker_errors, database_errors
from cift_shared.database.migrations import migrate
from cift_shared.kafka import create_topics
from cift_shared.messaging.topics import all_topics
from cift_shared.rails.local import (
    LocalRail,
    StackContext,
    Twin,
    local_processes,
    local_rails,
    local_twins,
)
from cift_shared.security.kafka import Brokers

DATABASE = "cift"
_CHECKS = {
    "DATABASE_URL": check_database_url,
    "KAFKA_BOOTSTRAP_SERVERS": check_bootstrap_servers,
}
SERVICES = {
    "ledger": "ledger",
    **{rail.worker: rail.module for rail in local_rails().values()},
    "gateway": "gateway",
}
"""Our services and their modules, in the order of their start."""
PREFERRED_PORTS = {
    "gateway": 8080,
    **{name: process.port for name, (_, process) in local_processes().items()},
    **{twin.name: twin.port for twin in local_twins()},
}
PREFERRED_OPS_PORTS = {
    "gateway": 8070,
    "ledger": 8081,
    **{rail.worker: rail.port for rail in local_rails().values()},
}
"""Of our services: health, readiness, metrics."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the stack."""

    folder: Path
    """The folder for data, logs and secrets."""
    speed: int = 8
    """How many times faster than the real provider the twin is."""
    prefer_ports: bool = True
    """Use the well-known ports where they are free; False: any free ports."""
    extra_env: Mapping[str, str] = field(default_factory=dict)
    """More variables for every service."""
    service_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """More variables for one service, by its name, the same for each of its replicas; they are read
    before each start of a process."""
    database_url: str = ""
    """An existing database; empty: the one that DATABASE_URL names, else an embedded one."""
    kafka_bootstrap_servers: str = ""
    """An existing broker; empty: the one in KAFKA_BOOTSTRAP_SERVERS, else an embedded one."""
    restart_pause_max_s: float = BACKOFF_LAST_S
    """The maximum pause, in seconds, before a part that ends repeatedly is started again."""
    replicas: int = 1
    """Processes of each service; the second of `ledger` is named `ledger-2`."""
    address_for: Callable[[LocalRail, str], str | None] = lambda _rail, _part: None
    """The address that a rail gets for the gateway or for its twin, by the part's name, instead of
    the part's own: that of a proxy before it. None: the part's own."""
    on_change: Callable[[Status], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: its addresses, and methods to inspect and kill its parts."""

    options: Options
    database_url: str
    kafka_bootstrap_servers: str
    ports: Mapping[str, int]
    """Of the API, the twins and the additional processes."""
    ops_ports: Mapping[str, int]
    """The operations port of each service."""
    env: Mapping[str, str]
    supervisors: list[Supervisor] = field(default_factory=list)

    def url(self, name: str) -> str:
        """Return the HTTP address of the API, a twin or an additional process."""
        return f"http://{LOOPBACK}:{self.ports[name]}"

    def ops_url(self, name: str) -> str:
        """Return the address of a service's health, readiness and metrics."""
        return f"http://{LOOPBACK}:{self.ops_ports[name]}"

    def moved(self) -> list[tuple[str, int, int]]:
        """Return what is not on its well-known port: name, well-known port, actual port."""
        if not self.options.prefer_ports:
            return []
        known = ((PREFERRED_PORTS, self.ports), (PREFERRED_OPS_PORTS, self.ops_ports))
        return [
            (name, port, actual[name])
            for preferred, actual in known
            for name, port in preferred.items()
            if port != actual[name]
        ]

    def log_file(self, name: str) -> Path:
        """Return the log file of a part."""
        return self.options.folder / "logs" / f"{name}.log"

    def status(self) -> list[Status]:
        """Return the status of every part."""
        return [status for supervisor in self.supervisors for status in supervisor.status()]

    def kill(self, name: str) -> None:
        """End a part with `kill -9`; its supervisor restarts it."""
        self._supervisor_of(name).kill(name)

    async def wait_ready(self, name: str, timeout_s: float = 30.0) -> None:
        """Wait until the part is ready."""
        await self._supervisor_of(name).wait_ready(name, timeout_s)

    def cift(self, *words: str) -> str:
        """Run the `cift` command against this stack and return its output.

        Raises:
            StartError: the command failed.
        """
        argv = [sys.executable, "-m", "cift_shared", *words]
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, env={**os.environ, **self.env}
        )
        if done.returncode:
            raise StartError(f"cift {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def _supervisor_of(self, name: str) -> Supervisor:
        for supervisor in self.supervisors:
            if name in {status.name for status in supervisor.status()}:
                return supervisor
        raise KeyError(name)


def replica(service_name: str, number: int) -> str:
    """The name of a service's replica; the first one has the service's own name."""
    return service_name if number == 1 else f"{service_name}-{number}"


@contextlib.asynccontextmanager
async def running_stack(options: Options) -> AsyncIterator[Stack]:
    """Run the stack for the block, which begins once every service is ready.

    Raises:
        LocalStackError: a part did not start, or another stack uses this folder.
    """
    servers, database_url, kafka = _servers(options)
    ports, ops_ports = _ports(options)
    env = environment(options, ports, database_url, kafka)
    stack = Stack(options, database_url, kafka, ports, ops_ports, env)
    twins = [_twin(stack, twin) for twin in local_twins()]
    services = [_process(stack, name) for name in local_processes()]
    services += [
        _service(stack, name, module, number)
        for number in range(1, options.replicas + 1)
        for name, module in SERVICES.items()
    ]
    async with contextlib.AsyncExitStack() as exit_stack:
        for parts in ([*servers, *twins], services):
            supervisor = Supervisor(
                parts, pause_max_s=options.restart_pause_max_s, on_change=options.on_change
            )
            stack.supervisors.append(supervisor)
            if parts is services:
                await _prepare(stack)
            await exit_stack.enter_async_context(supervisor)
        _write_addresses(stack)
        yield stack


async def _prepare(stack: Stack) -> None:
    """Create the database, run the migrations and create the topics, once the servers are ready."""
    dsn, kafka = stack.database_url, stack.kafka_bootstrap_servers
    with database_errors(dsn):
        await _ensure_database(dsn)
        await migrate(dsn)
    with broker_errors(kafka), no_client_logs():
        await create_topics(Brokers(kafka), all_topics())


def _servers(options: Options) -> tuple[list[Part], str, str]:
    """Return the embedded servers that are needed, and the addresses of database and broker.

    Raises:
        SettingsInvalid: an address in the environment is invalid.
    """
    parts = []
    for setting, check in _CHECKS.items():
        if setting in os.environ:
            check(os.environ[setting])
    database_url = options.database_url or os.environ.get("DATABASE_URL", "")
    kafka = options.kafka_bootstrap_servers or os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
    if not database_url:
        postgres = Postgres(
            options.folder / "postgres", log=options.folder / "logs" / "postgres.log"
        )
        parts.append(server(postgres))
        database_url = postgres.dsn(DATABASE)
    if not kafka:
        broker = EmbeddedBroker(
            options.folder / "broker",
            port=_previous_port(options.folder),
            log=options.folder / "logs" / "broker.log",
        )
        parts.append(server(broker))
        kafka = broker.bootstrap
    return parts, database_url, kafka


def _previous_port(folder: Path) -> int:
    """The broker's port of the last run (its data contain it) if it is free, else a free port."""
    file = folder / ADDRESSES
    content = json.loads(file.read_text()) if file.exists() else {}
    port = int(content.get("KAFKA_BOOTSTRAP_SERVERS", "").rpartition(":")[2] or 0)
    return port if port and is_free(port) else free_port()


def _ports(options: Options) -> tuple[dict[str, int], dict[str, int]]:
    """Choose the HTTP ports and the operations ports."""

    def choose(preferred: int) -> int:
        return preferred if options.prefer_ports and is_free(preferred) else free_port()

    ports = {name: choose(port) for name, port in PREFERRED_PORTS.items()}
    ops_ports = {name: choose(port) for name, port in PREFERRED_OPS_PORTS.items()}
    for number in range(2, options.replicas + 1):
        ports[replica("gateway", number)] = free_port()
        ops_ports |= {replica(name, number): free_port() for name in SERVICES}
    return ports, ops_ports


def environment(
    options: Options, ports: Mapping[str, int], database_url: str, kafka: str
) -> dict[str, str]:
    """The variables for every part; a real deployment gives each service only its own."""
    folder, keys = options.folder, local_secrets(options.folder)
    rail_variables = {
        name: value
        for rail in local_rails().values()
        for name, value in rail.environment(_place(rail, options, ports, keys)).items()
    }
    return {
        **keys,
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "CIFT_MODE": "test",
        "CIFT_SANDBOX_STATE": str(folder / "sandbox" / "twin.sqlite3"),
        "CIFT_SANDBOX_SPEED": str(options.speed),
        **rail_variables,
        **options.extra_env,
    }


def _place(
    rail: LocalRail, options: Options, ports: Mapping[str, int], keys: Mapping[str, str]
) -> StackContext:
    gateway, twin = (
        options.address_for(rail, part) or f"http://{LOOPBACK}:{ports[part]}"
        for part in ("gateway", rail.twin.name)
    )
    processes = {one.name: f"http://{LOOPBACK}:{ports[one.name]}" for one in rail.processes}
    return StackContext(options.folder, gateway, twin, options.speed, keys, processes)


def _process(stack: Stack, name: str) -> Part:
    """Describe an additional process of a rail, with its additional variables."""
    rail, process = local_processes()[name]
    place = _place(rail, stack.options, stack.ports, local_secrets(stack.options.folder))
    port = str(stack.ports[name])
    extra = {"CIFT_HTTP_PORT": port, "CIFT_OPS_PORT": port, **process.environment(place)}
    return _part(stack, name, name, process.module, stack.url(name) + process.health, extra)


def _twin(stack: Stack, twin: Twin) -> Part:
    extra = {"CIFT_SANDBOX_HTTP_PORT": str(stack.ports[twin.name])}
    health_url = stack.url(twin.name) + "/control/health"
    return _part(stack, twin.name, twin.name, twin.module, health_url, extra)


def _service(stack: Stack, service_name: str, module: str, number: int) -> Part:
    name = replica(service_name, number)
    extra = {"CIFT_OPS_PORT": str(stack.ops_ports[name]), "CIFT_INSTANCE": str(number)}
    if name in stack.ports:
        extra["CIFT_HTTP_PORT"] = str(stack.ports[name])
    return _part(stack, name, service_name, module, stack.ops_url(name) + "/readyz", extra)


def _part(
    stack: Stack,
    name: str,
    service_name: str,
    module: str,
    health_url: str,
    extra: Mapping[str, str],
) -> Part:
    trace_file = stack.options.folder / "traces" / f"{name}.jsonl"
    return service(
        name,
        [sys.executable, "-m", module],
        env={**stack.env, "CIFT_TRACE_FILE": str(trace_file), **extra},
        changing_env=stack.options.service_env.get(service_name, {}),
        health_url=health_url,
        log=stack.log_file(name),
    )


async def _ensure_database(database_url: str) -> None:
    """Create the database that the address names, if its server has none of that name."""
    address = urlsplit(database_url)
    name = address.path.lstrip("/")
    connection = await asyncpg.connect(urlunsplit(address._replace(path="/postgres")))
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}"')
    finally:
        await connection.close()


def _write_addresses(stack: Stack) -> None:
    """Write the addresses and environment to a file for later commands (`make verify-books`)."""
    addresses = {name: stack.url(name) for name in stack.ports}
    addresses |= {f"{name}-operations": stack.ops_url(name) for name in stack.ops_ports}
    file = stack.options.folder / ADDRESSES
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump({**addresses, **stack.env}, out, indent=2)


async def open_api(stack: Stack, merchant: str) -> str:
    """Create an API key for a merchant and return it."""
    return await asyncio.to_thread(
        stack.cift, "api-key", "create", "--merchant", merchant, "--name", "local"
    )
