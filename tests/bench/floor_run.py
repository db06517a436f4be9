"""Run the floor (`floor`) over the bench's servers and the M-Pesa twin, and measure a deposit."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from cift_local.ports import LOOPBACK, free_port
from cift_local.waiting import answers_ok, wait_until
from cift_shared.kafka import create_topics
from cift_shared.messaging.topics import Topic
from cift_shared.security.kafka import Brokers
from tests.bench.cluster import Cluster, generate
from tests.bench.floor import ROLES, TABLES, TOPICS
from tests.bench.load import Plan
from tests.bench.new_database import new_database
from tests.bench.orders import Mix
from tests.bench.proc import cpu_ms

DATABASE = "bench_floor"
PARTITIONS, KEPT_MS = 12, 3_600_000
WITHIN_S = 120.0
_OPEN = "select count(*) from payment where posted_at is null"
_SERVERS = ("postgres", "kafka")


class Floor:
    """The three running processes."""

    def __init__(self, cluster: Cluster, address: str, port: int, pids: dict[str, int]) -> None:
        self._cluster = cluster
        self._address = address
        self._port = port
        self._pids = pids

    async def cpu_ms_per_payment(self, rate: float, seconds: float) -> float:
        """CPU milliseconds of a deposit: these processes, PostgreSQL and Kafka; until posted."""
        await self._load(rate, min(seconds, 3.0))
        before = await self._used()
        count = await self._load(rate, seconds)
        return (await self._used() - before) / count

    async def _load(self, rate: float, seconds: float) -> int:
        """Send deposits, and return how many once all are posted.

        Raises:
            TimeoutError: some are not.
        """
        mix = Mix(path="/payments", card_share=0)
        result = await generate(self._cluster.folder, Plan(self._port, rate, seconds, mix))
        deadline = time.monotonic() + WITHIN_S
        while left := await self._open():
            if time.monotonic() > deadline:
                raise TimeoutError(f"floor: {left} payments were not posted")
            await asyncio.sleep(0.3)
        return len(result.accepted)

    async def _open(self) -> int:
        connection = await asyncpg.connect(self._address)
        try:
            return int(await connection.fetchval(_OPEN))
        finally:
            await connection.close()

    async def _used(self) -> float:
        costs = await self._cluster.costs()
        return sum(map(cpu_ms, self._pids.values())) + sum(costs[name] for name in _SERVERS)


@asynccontextmanager
async def running_floor(cluster: Cluster) -> AsyncIterator[Floor]:
    """Run the floor for the block, beside the resting stack.

    Raises:
        RuntimeError: its gateway did not start.
    """
    address = await new_database(cluster.stack.database_url, DATABASE, TABLES)
    brokers = Brokers(cluster.stack.kafka_bootstrap_servers)
    await create_topics(brokers, [Topic(name, PARTITIONS, KEPT_MS) for name in TOPICS])
    port = free_port()
    base = f"http://{LOOPBACK}:{port}"
    env = {
        **os.environ,
        **cluster.stack.env,
        "FLOOR_DATABASE": address,
        "FLOOR_PORT": str(port),
        "FLOOR_CALLBACKS": f"{base}/callbacks",
    }
    processes = {
        role: await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.floor", role, env=env
        )
        for role in ROLES
    }
    try:
        if not await wait_until(lambda: answers_ok(f"{base}/readyz"), 30):
            raise RuntimeError("the gateway of the floor did not start")
        yield Floor(cluster, address, port, {role: one.pid for role, one in processes.items()})
    finally:
        for process in processes.values():
            if process.returncode is None:
                process.terminate()
            await process.wait()
