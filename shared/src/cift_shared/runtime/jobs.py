"""Periodic jobs of a service: each runs in one process at a time, which leads it by a lease.

A leader keeps its lease between two runs as well. If it crashes or hangs, another process takes
over within `lease.LENGTH` and runs the job at once, so a job must tolerate an early run.
"""

import asyncio
import contextlib
from typing import Any

import asyncpg

from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import CiftError, LeaseLost
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from cift_shared.waiting import backoff_s

STANDBY_S = 1.0
"""Seconds between two tries of a process that does not lead."""
RETRY_S_MIN = 1.0
RETRY_S_MAX = 300.0
STEP_DOWN_S = 3.0

_WITHOUT_TRACEBACK: tuple[type[BaseException], ...] = (
    CiftError,
    asyncpg.PostgresError,
    *INFRASTRUCTURE_ERRORS,
)

log = get_logger()


class JobLoop:
    """A loop of the service that runs a job while this process leads it."""

    def __init__(self, job: Job, pool: "Pool[asyncpg.Record]", schema: str, clock: Clock) -> None:
        self.name = f"job:{schema}:{job.name}"
        self._job = job
        self._pool = pool
        self._schema = schema
        self._clock = clock
        self._lease = Lease(schema, f"job:{job.name}", clock)

    async def run(self) -> None:
        """Lead when possible, and run the job while leading; until cancelled."""
        try:
            while True:
                if await self._lease.take(self._pool):
                    await self._lead()
                await asyncio.sleep(STANDBY_S)
        finally:
            await self._step_down()

    async def _lead(self) -> None:
        log.info("job.leading", job=self.name)
        metrics.RELAY_LEADER.labels(self.name).set(1)
        failures = 0
        try:
            while True:
                failures = 0 if await self._ran() else failures + 1
                await self._lease.keep(self._pool, asyncio.sleep(self._pause_s(failures)))
        except LeaseLost:
            log.warning("job.lead_lost", job=self.name)
        finally:
            metrics.RELAY_LEADER.labels(self.name).set(0)
            self._job.when_lost()

    def _pause_s(self, failures: int) -> float:
        every_s = self._job.every.total_seconds()
        if not failures:
            return every_s
        later_s = backoff_s(failures - 1, first_s=RETRY_S_MIN, longest_s=RETRY_S_MAX)
        return min(later_s, every_s)

    async def _ran(self) -> bool:
        """Run the job once; False when it failed.

        Raises:
            LeaseLost: another process leads now.
        """
        labels = (self._schema, self._job.name)
        try:
            await self._lease.keep(self._pool, self._work())
        except LeaseLost:
            raise
        except Exception as error:
            known = isinstance(error, _WITHOUT_TRACEBACK)
            log.warning("job.failed", job=self.name, error=repr(error), exc_info=not known)
            metrics.JOB_FAILURES.labels(*labels).inc()
            return False
        metrics.JOB_LAST_SUCCESS.labels(*labels).set(self._clock.now().timestamp())
        return True

    async def _work(self) -> Any:
        await self._job.work(self._lease)

    async def _step_down(self) -> None:
        """Release the lease, so that another process leads at once."""
        if not self._lease.is_held:
            return
        with contextlib.suppress(*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError):
            async with asyncio.timeout(STEP_DOWN_S):
                await self._lease.release(self._pool)
