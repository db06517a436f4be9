"""The whole platform on this machine: servers, twin, services, each a process of its own.

PostgreSQL, broker (unless DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS name others)
-> provider twins -> migrations, topics -> ledger, workers, gateway -> an API key
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

from cift_local.broker import EmbeddedBroker
from cift_local.errors import StartError
from cift_local.keeper import BACKOFF_LAST_S, Part, Status
from cift_local.ports import LOOPBACK, free_port, is_free
from cift_local.postgres import Postgres
from cift_local.processes import Supervisor, server, service
from cift_local.secret_keys import local_secrets
from cift_shared.kafka import create_topics
from cift_shared.migrations import migrate
from cift_shared.topics import all_topics

DATABASE = "cift"
ADDRESSES = "stack.json"
SHORT_CODE, PAYOUT_SHORT_CODE = "174379", "600992"
PREFERRED_PORTS = {
    "gateway": 8080,
    "ledger": 8081,
    "mpesa-worker": 8082,
    "card-worker": 8083,
    "provider-sandbox": 8090,
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the stack."""

    folder: Path
    """Everything it keeps: data, logs, secrets."""
    speed: int = 8
    """How many times faster than the real provider the twin is."""
    prefer_ports: bool = True
    """Take the well-known ports where they are free; False: any free ports."""
    extra_env: Mapping[str, str] = field(default_factory=dict)
    """More variables for every service."""
    service_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """More variables for one service, by its name; looked at before each of its starts."""
    database_url: str = ""
    """A database that runs already; empty: what DATABASE_URL names, else one of our own."""
    kafka_bootstrap_servers: str = ""
    """A broker that runs already; empty: what KAFKA_BOOTSTRAP_SERVERS names, else our own."""
    restart_pause_max_s: float = BACKOFF_LAST_S
    """The longest pause before a part that keeps dying is started again."""
    on_change: Callable[[Status], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: where things are, and the hands to stop and kill them."""

    options: Options
    database_url: str
    kafka_bootstrap_servers: str
    ports: Mapping[str, int]
    env: Mapping[str, str]
    supervisors: list[Supervisor] = field(default_factory=list)

    def url(self, name: str) -> str:
        """Answers a service's HTTP address."""
        return f"http://{LOOPBACK}:{self.ports[name]}"

    def log_file(self, name: str) -> Path:
        """Answers where a part logs to."""
        return self.options.folder / "logs" / f"{name}.log"

    def status(self) -> list[Status]:
        """Answers how every part is."""
        return [status for supervisor in self.supervisors for status in supervisor.status()]

    def kill(self, name: str) -> None:
        """Ends a part with `kill -9`; its supervisor brings it back."""
        self._keeper_of(name).kill(name)

    async def wait_ready(self, name: str, timeout_s: float = 30.0) -> None:
        """Returns when the part serves."""
        await self._keeper_of(name).wait_ready(name, timeout_s)

    def cift(self, *words: str) -> str:
        """Runs the `cift` command against this stack, answers what it printed.

        Raises:
            StartError: it failed.
        """
        argv = [sys.executable, "-m", "cift_shared", *words]
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, env={**os.environ, **self.env}
        )
        if done.returncode:
            raise StartError(f"cift {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def _keeper_of(self, name: str) -> Supervisor:
        for supervisor in self.supervisors:
            if name in {status.name for status in supervisor.status()}:
                return supervisor
        raise KeyError(name)


@contextlib.asynccontextmanager
async def running_stack(options: Options) -> AsyncIterator[Stack]:
    """Runs the stack for the block; answers once every service serves.

    Raises:
        LocalStackError: a part did not start, or another stack runs on this folder.
    """
    servers, database_url, kafka = _servers(options)
    ports = {name: _port(name, options) for name in PREFERRED_PORTS}
    env = _environment(options, ports, database_url, kafka)
    stack = Stack(options, database_url, kafka, ports, env)
    sandbox = _service(stack, "provider-sandbox", "provider_sandbox", "/control/health")
    services = [
        _service(stack, "ledger", "ledger", "/readyz"),
        _service(stack, "mpesa-worker", "mpesa_worker", "/readyz"),
        _service(stack, "card-worker", "card_worker", "/readyz"),
        _service(stack, "gateway", "gateway", "/readyz"),
    ]
    async with contextlib.AsyncExitStack() as held:
        for parts in ([*servers, sandbox], services):
            supervisor = Supervisor(
                parts, pause_max_s=options.restart_pause_max_s, on_change=options.on_change
            )
            stack.supervisors.append(supervisor)
            if parts is services:
                await _prepare(stack)
            await held.enter_async_context(supervisor)
        _write_addresses(stack)
        yield stack


async def _prepare(stack: Stack) -> None:
    """Brings schemas and topics up to date, once the servers answer."""
    await _ensure_database(stack.database_url)
    await migrate(stack.database_url)
    await create_topics(stack.kafka_bootstrap_servers, all_topics())


def _servers(options: Options) -> tuple[list[Part], str, str]:
    """Answers the embedded servers that are needed, and where database and broker are."""
    parts = []
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
            port=_kept_port(options.folder),
            log=options.folder / "logs" / "broker.log",
        )
        parts.append(server(broker))
        kafka = broker.bootstrap
    return parts, database_url, kafka


def _kept_port(folder: Path) -> int:
    """The broker's port of the last run where it is still free: its data name it."""
    file = folder / ADDRESSES
    kept = json.loads(file.read_text()).get("KAFKA_BOOTSTRAP_SERVERS", "") if file.exists() else ""
    port = int(kept.rpartition(":")[2] or 0)
    return port if port and is_free(port) else free_port()


def _port(name: str, options: Options) -> int:
    preferred = PREFERRED_PORTS[name]
    return preferred if options.prefer_ports and is_free(preferred) else free_port()


def _environment(
    options: Options, ports: Mapping[str, int], database_url: str, kafka: str
) -> dict[str, str]:
    """The variables of every part; a real deployment splits them by service."""
    folder, keys = options.folder, local_secrets(options.folder)
    gateway, twin = (f"http://{LOOPBACK}:{ports[name]}" for name in ("gateway", "provider-sandbox"))
    return {
        **keys,
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "CIFT_MODE": "test",
        "CIFT_LOG_FORMAT": "console",
        "MPESA_ENVIRONMENT": "sandbox",
        "MPESA_BUSINESS_SHORT_CODE": SHORT_CODE,
        "MPESA_B2C_SHORT_CODE": PAYOUT_SHORT_CODE,
        "MPESA_INITIATOR_NAME": "testapi",
        "MPESA_CERTIFICATE_FILE": str(folder / "sandbox" / "daraja-certificate.pem"),
        "MPESA_API_BASE": twin,
        "MPESA_CALLBACK_URL": f"{gateway}/api/v1/webhooks/mpesa",
        "MPESA_CHECK_SPEED": str(options.speed),
        "STRIPE_API_BASE": twin,
        "STRIPE_CHECK_SPEED": str(options.speed),
        "CIFT_SANDBOX_STATE": str(folder / "sandbox" / "twin.sqlite3"),
        "CIFT_SANDBOX_SPEED": str(options.speed),
        "CIFT_SANDBOX_CONSUMER_KEY": keys["MPESA_CONSUMER_KEY"],
        "CIFT_SANDBOX_CONSUMER_SECRET": keys["MPESA_CONSUMER_SECRET"],
        "CIFT_SANDBOX_PASSKEY": keys["MPESA_PASSKEY"],
        "CIFT_SANDBOX_INITIATOR_PASSWORD": keys["MPESA_INITIATOR_PASSWORD"],
        "CIFT_SANDBOX_STRIPE_SECRET_KEY": keys["STRIPE_SECRET_KEY"],
        "CIFT_SANDBOX_STRIPE_PUBLISHABLE_KEY": keys["STRIPE_PUBLISHABLE_KEY"],
        "CIFT_SANDBOX_STRIPE_WEBHOOK_SECRET": keys["STRIPE_WEBHOOK_SECRET"],
        "CIFT_SANDBOX_STRIPE_WEBHOOK_URL": f"{gateway}/api/v1/webhooks/stripe",
        **options.extra_env,
    }


def _service(stack: Stack, name: str, module: str, health: str) -> Part:
    port = str(stack.ports[name])
    variables = {
        **stack.env,
        "CIFT_HTTP_PORT": port,
        "CIFT_SANDBOX_HTTP_PORT": port,
        "CIFT_TRACE_FILE": str(stack.options.folder / "traces" / f"{name}.jsonl"),
    }
    return service(
        name,
        [sys.executable, "-m", module],
        env=variables,
        changing_env=stack.options.service_env.get(name, {}),
        health_url=stack.url(name) + health,
        log=stack.log_file(name),
    )


async def _ensure_database(database_url: str) -> None:
    """Makes the database that the address names, if its server has none of that name."""
    address = urlsplit(database_url)
    name = address.path.lstrip("/")
    connection = await asyncpg.connect(urlunsplit(address._replace(path="/postgres")))
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}"')
    finally:
        await connection.close()


def _write_addresses(stack: Stack) -> None:
    """Leaves a note for commands that come later (`make verify-books`)."""
    note = {name: stack.url(name) for name in stack.ports}
    file = stack.options.folder / ADDRESSES
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump({**note, **stack.env}, out, indent=2)


def read_addresses(folder: Path) -> dict[str, str]:
    """Answers what the running stack left: service addresses and its environment.

    Raises:
        StartError: no stack has run on this folder.
    """
    file = folder / ADDRESSES
    if not file.exists():
        raise StartError("no local stack has run here: `make demo` starts one")
    note: dict[str, str] = json.loads(file.read_text())
    return note


async def open_api(stack: Stack, merchant: str) -> str:
    """Makes an API key for a merchant, answers it."""
    return await asyncio.to_thread(
        stack.cift, "api-key", "create", "--merchant", merchant, "--name", "local"
    )
