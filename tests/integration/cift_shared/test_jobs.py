"""Periodic jobs on real PostgreSQL: one process runs each, and a failure is tried again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import asyncpg
import pytest

from cift_shared.clock import SystemClock
from cift_shared.database import lease as lease_module
from cift_shared.database.lease import Lease
from cift_shared.observability import metrics
from cift_shared.runtime import jobs
from cift_shared.runtime.job import Job
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import running
from tests.support.attempts import probe_pool

pytestmark = pytest.mark.integration

OFTEN = timedelta(milliseconds=20)


@pytest.fixture
async def pool(emptied_database: str) -> AsyncIterator[asyncpg.Pool]:
    async with probe_pool(emptied_database) as pool:
        yield pool


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "STANDBY_S", 0.02)
    monkeypatch.setattr(jobs, "RETRY_S_MIN", 0.01)


class Worker:
    """One process that would run the job."""

    def __init__(self, pool: asyncpg.Pool, *, every: timedelta = OFTEN, fails: int = 0) -> None:
        self.runs = 0
        self.lost = 0
        self.fences: list[tuple[str, str, int]] = []
        self._fails = fails
        job = Job(name="tidy", every=every, work=self.work, when_lost=self.lose)
        self.loop = JobLoop(job, pool, "probe", SystemClock())

    async def work(self, lease: Lease) -> None:
        self.runs += 1
        self.fences.append(lease.fence)
        if self.runs <= self._fails:
            raise RuntimeError("not this time")

    def lose(self) -> None:
        self.lost += 1


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def last_success() -> float:
    return float(metrics.JOB_LAST_SUCCESS.labels("probe", "tidy")._value.get())


async def test_one_of_two_processes_runs_it_and_the_other_takes_over(pool) -> None:
    first, second = Worker(pool), Worker(pool)
    async with AsyncExitStack() as stays:
        leads = AsyncExitStack()
        await leads.enter_async_context(running([first.loop]))
        await until(lambda: first.runs >= 2)
        await stays.enter_async_context(running([second.loop]))
        await until(lambda: first.runs >= 6)
        assert second.runs == 0
        await leads.aclose()  # it stops, and releases the lease
        await until(lambda: second.runs >= 2)
    assert (first.lost, second.lost) == (1, 1)
    assert first.fences[-1][2] < second.fences[0][2]


async def test_short_runs_one_after_the_other_do_not_let_the_lease_expire(
    pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "RENEW_S", 0.1)

    async def ends_at():
        return await pool.fetchval("select ends_at from probe.lease where name = 'job:tidy'")

    worker = Worker(pool)
    async with running([worker.loop]):
        await until(lambda: worker.runs >= 1)
        first = await ends_at()
        seen = worker.runs
        await until(lambda: worker.runs >= seen + 15)
        assert await ends_at() > first


async def test_a_failure_is_counted_and_tried_again_before_the_interval_ends(pool) -> None:
    before = metrics.JOB_FAILURES.labels("probe", "tidy")._value.get()
    metrics.JOB_LAST_SUCCESS.labels("probe", "tidy").set(0)
    worker = Worker(pool, every=timedelta(hours=1), fails=2)
    async with running([worker.loop]):
        await until(lambda: last_success() > 0)
    assert worker.runs == 3
    assert metrics.JOB_FAILURES.labels("probe", "tidy")._value.get() == before + 2
    assert len(set(worker.fences)) == 1  # a failure does not cost the lead


async def test_a_leader_that_lost_its_lease_is_cancelled_in_its_work(pool, monkeypatch) -> None:
    monkeypatch.setattr("cift_shared.database.lease.RENEW_S", 0.05)
    hangs = Worker(pool)
    stopped = asyncio.Event()

    async def work(_: Lease) -> None:
        hangs.runs += 1
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    hangs.loop = JobLoop(
        Job(name="tidy", every=OFTEN, work=work, when_lost=hangs.lose), pool, "probe", SystemClock()
    )
    async with running([hangs.loop]):
        await until(lambda: hangs.runs == 1)
        await pool.execute(
            "update probe.lease set holder = 'other', epoch = epoch + 1, "
            "ends_at = now() + interval '1 hour' where name = 'job:tidy'"
        )
        await asyncio.wait_for(stopped.wait(), 20)
        await until(lambda: hangs.lost == 1)
        await asyncio.sleep(0.2)
    assert hangs.runs == 1
