"""The whole stack on this machine, for measuring: Apache Kafka, PostgreSQL with fsync, services.

The twin answers at once, and a push is paid after a fixed time (`TWIN`), so what is over that time
is ours. Servers are run from here, so that a bench can stop them for a while.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg

from cift_local.kafka import Kafka, resolve_jars
from cift_local.postgres import Postgres
from cift_local.processes import Supervisor, server
from cift_local.stack import DATABASE, Options, Stack, open_api, running_stack
from tests.bench.load import Plan, Result
from tests.bench.orders import Mix, card_share
from tests.bench.proc import cpu_ms, family
from tests.bench.twin import pushed_at
from tests.support.kafka import JARS

PROVIDER_S = 0.6
TWIN = {
    "CIFT_SANDBOX_SUCCESS_S": "0.5",
    "CIFT_SANDBOX_CALLBACK_LAG_S": "0.1",
    "CIFT_SANDBOX_STRIPE_SETTLE_S": "0.1",
    "CIFT_SANDBOX_LOCK_S": "0",
    "CIFT_SANDBOX_SAME_AMOUNT_S": "0",
    "CIFT_SANDBOX_SUFFIX_BEHAVIOURS": "false",
    "CIFT_SANDBOX_QUERY_NOISE": "0",
}
"""A push is paid 0.5 s after it came and told 0.1 s later: `PROVIDER_S`. Nothing else fails."""
QUIET = {"CIFT_LOG_LEVEL": "warning", "CIFT_TRACE_SAMPLE_RATIO": "0"}
PACE = {
    "CIFT_BITCOIN_POLL_S": "5",
    "CIFT_ETHEREUM_POLL_S": "5",
    "CIFT_SIGNER_POLL_S": "1",
    "CIFT_RATE_EVERY_S": "10",
}
"""How often the chains are looked at by default; the local stack does it at the pace of a demo."""
NO_LIMIT = {"CIFT_GATEWAY_REQUESTS_PER_SECOND": "100000"}
"""The load comes with one API key: its rate limit would be what is measured."""
SERVICES = ("gateway", "ledger", "mpesa-worker", "card-worker")
FINAL = "('completed', 'failed', 'expired', 'canceled', 'in_review')"
ASK_EVERY_S = 0.3
_OPEN = f"select count(*) from ledger.payment where status not in {FINAL}"
_UNKNOWN = """
select a.payment_id::text as id from mpesa.attempt a join ledger.payment p using (payment_id)
 where a.state = 'unknown' and a.fingerprint is null and p.status = 'processing'
"""
_OPEN_KINDS = f"""
select method, status, count(*), min(payment_id::text)
  from ledger.payment where status not in {FINAL} group by method, status
"""
_ROLES = """
select pid, case when backend_type = 'client backend' then application_name else backend_type end
  from pg_stat_activity
"""


@dataclass(slots=True)
class Cluster:
    """A running stack with its servers and an API key."""

    stack: Stack
    postgres: Supervisor
    kafka: Supervisor
    key: str
    started_in_s: float
    extra: dict[str, int] = field(default_factory=dict)
    """More processes to count, by name."""

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self.stack.options.folder

    def pids(self) -> dict[str, int]:
        """Every process of the stack, servers and twin included."""
        parts = [*self.stack.status(), *self.postgres.status(), *self.kafka.status()]
        return {part.name: part.pid for part in parts if part.pid} | self.extra

    async def load(self, rate: float, seconds: float, **options: Any) -> Result:
        """Sends payments at the gateway; see `Plan`."""
        mix = Mix(key=self.key, card_share=card_share(rate))
        port = self.stack.ports["gateway"]
        return await generate(self.folder, Plan(port, rate, seconds, mix, **options))

    async def open_payments(self) -> int:
        """How many payments are not final and could be."""
        return int(await self.ask(_OPEN)) - len(await self.never_known())

    async def never_known(self) -> set[str]:
        """Payments that nobody can decide: their worker died on the way to the provider.

        Whether a push left is unknown to us, so it waits for a callback, a day long. Here the twin
        says that it never came: no callback will, and nothing moved.
        """
        unknown = {row["id"] for row in await self.rows(_UNKNOWN)}
        return unknown - set(pushed_at(self.folder, unknown)) if unknown else unknown

    async def settled(self, within_s: float = 120.0) -> None:
        """Returns once no payment is open.

        Raises:
            TimeoutError: some still are; says which kinds.
        """
        deadline = time.monotonic() + within_s
        while await self.open_payments():
            if time.monotonic() > deadline:
                kinds = [tuple(row) for row in await self.rows(_OPEN_KINDS)]
                raise TimeoutError(f"open after {within_s:.0f} s: {kinds}")
            await asyncio.sleep(ASK_EVERY_S)

    async def ask(self, query: str, *values: Any) -> Any:
        """One value from the database."""
        rows = await self.rows(query, *values)
        return rows[0][0] if rows else None

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Rows from the database."""
        connection = await asyncpg.connect(self.stack.database_url)
        try:
            return await connection.fetch(query, *values)
        finally:
            await connection.close()

    async def costs(self) -> dict[str, float]:
        """CPU milliseconds used so far by each process; PostgreSQL's by who asked for it too."""
        pids = self.pids()
        used = {name: cpu_ms(pid) for name, pid in pids.items() if name != "postgres"}
        roles = {row[0]: row[1] for row in await self.rows(_ROLES)}
        used["postgres"] = 0.0
        for pid in family(pids["postgres"]):
            spent = cpu_ms(pid)
            used["postgres"] += spent
            name = f"postgres for {roles[pid]}" if pid in roles else "postgres, the rest"
            used[name] = used.get(name, 0.0) + spent
        return used


async def generate(folder: Path, plan: Plan) -> Result:
    """Runs the generator in its own process.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryDirectory(dir=folder) as desk:
        order, answer = Path(desk) / "plan.json", Path(desk) / "result.json"
        order.write_text(json.dumps(asdict(plan)))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.load", str(order), str(answer)
        )
        if await process.wait():
            raise RuntimeError("the load generator failed")
        return Result(**json.loads(answer.read_text()))


@asynccontextmanager
async def running_cluster(
    folder: Path, env: Mapping[str, str] = MappingProxyType(TWIN)
) -> AsyncIterator[Cluster]:
    """Runs everything for the block; the folder may hold the data of an earlier run.

    `env` has variables for every process, how the twin behaves among them.
    """
    began = time.perf_counter()
    stamped = {"track_commit_timestamp": "on"}
    postgres = Postgres(folder / "postgres", port=_port(folder, "postgres"), settings=stamped)
    kafka = Kafka(folder / "kafka", jars=resolve_jars(JARS), port=_port(folder, "kafka"))
    _keep_ports(folder, postgres=postgres.port, kafka=kafka.port)
    held = Supervisor([server(postgres)]), Supervisor([server(kafka)])
    async with held[0], held[1]:
        with _addresses(postgres.dsn(DATABASE), kafka.bootstrap):
            options = Options(
                folder, speed=1, prefer_ports=False, extra_env={**QUIET, **PACE, **NO_LIMIT, **env}
            )
            async with running_stack(options) as stack:
                took = time.perf_counter() - began
                yield Cluster(stack, *held, await open_api(stack, "m_bench"), took)


def _port(folder: Path, name: str) -> int | None:
    """The port of an earlier run: a broker's data name it."""
    file = folder / "ports.json"
    return json.loads(file.read_text())[name] if file.exists() else None


def _keep_ports(folder: Path, **ports: int) -> None:
    (folder / "ports.json").write_text(json.dumps(ports))


@contextmanager
def _addresses(database_url: str, kafka: str) -> Iterator[None]:
    """Tells the stack to use these servers."""
    ours = {"DATABASE_URL": database_url, "KAFKA_BOOTSTRAP_SERVERS": kafka}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
