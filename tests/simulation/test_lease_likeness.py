"""A lease in memory answers as PostgreSQL does; one holder at a time, and epochs that only grow."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cift_shared.database.lease import LENGTH, RENEW_S, Lease
from cift_shared.messaging import outbox, outbox_queries
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.testing import FakeClock
from tests.simulation.memory_pool import MemoryPool
from tests.simulation.memory_sql import Schema
from tests.simulation.test_store_likeness import Direct
from tests.support.attempts import probe_pool

pytestmark = pytest.mark.integration

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
PROCESSES = range(3)
steps = st.one_of(
    st.tuples(st.sampled_from(["take", "renew", "release", "read", "delete"]), st.integers(0, 2)),
    # so that no sum of them is the very moment of a renewal or of an end
    st.tuples(st.just("pass"), st.sampled_from([0.9, 3.1, 60.7])),
)


class Side:
    """Three processes before one table of leases."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.leases = [Lease("probe", "relay", FakeClock()) for _ in PROCESSES]
        self.read: list[list[int]] = [[] for _ in PROCESSES]

    async def do(self, step: str, number: int) -> object:
        """One step of a process; what it is answered, the same on both sides."""
        lease = self.leases[number]
        if step == "take":
            return await lease.take(self.pool), lease.fence[2]
        if step == "renew":
            return await lease.renew(self.pool)
        if step == "release":
            await lease.release(self.pool)
            return None
        if step == "read":
            return await self._read(number)
        # some are left, so that there is something to read the next time
        return await self.pool.fetchval(
            outbox_queries.DELETE.format(schema="probe"), *lease.fence, self.read[number][:1]
        )

    async def _read(self, number: int) -> object:
        rows = await self.pool.fetch(
            outbox_queries.READ.format(schema="probe"),
            *self.leases[number].fence,
            LENGTH,
            timedelta(seconds=RENEW_S),
            100,
            0,
            [],
        )
        self.read[number] = [row["id"] for row in rows if row["id"] is not None]
        # the real clock goes on meanwhile: whole seconds, and the edge of one is not met
        return [(row["id"], round(row["left_s"])) for row in rows]


class Tables:
    """Both sides, and time."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.now = NOON
        network: Any = Direct()
        self.schema = Schema("probe", lambda: self.now)
        self.memory = Side(MemoryPool(self.schema, network))
        self.real = Side(pool)

    async def begin(self) -> None:
        await self.real.pool.execute("truncate probe.lease; truncate probe.outbox restart identity")
        message = OutgoingMessage("t", "k", b"{}", {})
        for side in (self.memory, self.real):
            await outbox.store(side.pool, "probe", [message] * 3)

    async def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await self.real.pool.execute(
            "update probe.lease set ends_at = ends_at - make_interval(secs => $1)", seconds
        )

    async def look(self) -> tuple[Any, ...]:
        """Who holds the lease on both sides, by number, and what is left of the outbox."""
        row = await self.real.pool.fetchrow("select holder, epoch from probe.lease")
        left = await self.real.pool.fetch("select id from probe.outbox order by id")
        held = self.schema.leases.get("relay")
        assert (row and row["epoch"]) == (held and held["epoch"])
        assert [row["id"] for row in left] == [row["id"] for row in self.schema.outbox]
        return _number(self.real, row), _number(self.memory, held), row["epoch"] if row else 0


def _number(side: Side, row: Any) -> int | None:
    holders = [lease._holder for lease in side.leases]
    return holders.index(row["holder"]) if row and row["holder"] else None


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Tables]:
    async with probe_pool(database) as pool:
        yield Tables(pool)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(steps, max_size=40))
async def test_memory_and_postgres_agree(tables: Tables, story: list[tuple[str, Any]]) -> None:
    tables = Tables(tables.real.pool)
    await tables.begin()
    epoch = 0
    for step, number in story:
        if step == "pass":
            await tables.wait(number)
            continue
        answer = await tables.memory.do(step, number)
        assert answer == await tables.real.do(step, number)
        real, memory, seen = await tables.look()
        assert real == memory
        assert seen >= epoch
        epoch = seen
        if step in ("renew", "read", "delete"):  # what is fenced is done for the holder alone
            assert bool(answer) == (real == number)
