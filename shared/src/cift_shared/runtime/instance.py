"""A replica's name (`CIFT_INSTANCE`) is held by one running process at a time.

The name is the replica's member name in its Kafka groups and the owner of its attempts. Two
processes with the same name would take both from each other again and again. So a process takes a
lease on its name before it does anything else:

- A process that stopped normally has released the lease. After a process was killed, a successor
  on the same machine detects that it is dead; on another machine the lease expires. The successor
  starts within `lease.LENGTH`.
- A process that hangs renews nothing, so its successor starts within the same time. When the
  process continues, its next renewal shows that it has lost the name, and it stops itself.
- If a running process holds the name, the new process does not start.
- A process that starts without its database can't know who holds the name. It serves its health
  endpoints and waits: no loop and no subscriber begins before it holds the name (`Readiness`,
  `is_held`).
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import asyncpg

from cift_shared.clock import SystemClock
from cift_shared.database.lease import LENGTH, RENEW_S, Lease
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool, open_pool
from cift_shared.observability.log import get_logger
from cift_shared.settings import ProcessSettings

TAKE_TIMEOUT_S = LENGTH.total_seconds() + 2
"""How long a start waits for the name; the lease of a hanging or dead process ends earlier."""
TAKE_RETRY_S = 0.25
RELEASE_S = 5.0

_UNAVAILABLE: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)
"""The database is unavailable, or not migrated yet (no table, no role)."""

log = get_logger()


class InstanceName:
    """This process's lease on its instance name."""

    def __init__(self, pool: "Pool[asyncpg.Record]", schema: str, member: str) -> None:
        self._pool = pool
        self._schema = schema
        self._lease = Lease(schema, f"instance:{member}", SystemClock())
        self._clock = SystemClock()
        self.is_lost = False
        """True once another process has taken the name."""
        self.was_held = False
        """True once this process has held the name."""

    @property
    def is_held(self) -> bool:
        """True while, as far as this process knows, it holds the name."""
        return self._lease.is_held

    async def take(self) -> bool:
        """Take the name; False: another running process holds it.

        If the database is unavailable, or its schema has no leases yet, this returns True without
        the name: the service starts and serves its health endpoints; `keep` takes the name later.
        """
        until = self._clock.monotonic() + TAKE_TIMEOUT_S
        while True:
            try:
                if await self._lease.take(self._pool):
                    self.was_held = True
                    return True
            except _UNAVAILABLE as error:
                log.warning("instance.not_taken", schema=self._schema, error=repr(error))
                return True
            if self._clock.monotonic() > until:
                return False
            await asyncio.sleep(TAKE_RETRY_S)

    async def keep(self) -> None:
        """Renew until cancelled; if another process holds the name, stop this process."""
        while not self.is_lost:
            await asyncio.sleep(RENEW_S)
            try:
                if self._lease.is_held:
                    self.is_lost = not await self._lease.renew(self._pool)
                else:
                    self.is_lost = not await self.take()
            except _UNAVAILABLE as error:
                # Without the database no other process can take the name either.
                log.debug("instance.not_renewed", error=repr(error))
        log.error("instance.lost", name=self._lease.name)
        signal.raise_signal(signal.SIGTERM)

    async def release(self) -> None:
        """Release the name, so that a successor starts at once."""
        if self._lease.is_held:
            with contextlib.suppress(*_UNAVAILABLE):
                async with asyncio.timeout(RELEASE_S):
                    await self._lease.release(self._pool)


@contextlib.asynccontextmanager
async def instance_held(
    service: str, settings: ProcessSettings, *, schema: str, role: str
) -> AsyncIterator[InstanceName]:
    """Hold the replica's name while the block runs, through a separate connection.

    If the database is unavailable at the start, the block begins without the name.

    Raises:
        SystemExit: another running process holds the name, or took it while the block ran.
    """
    pool = await open_pool(settings.database_url.get_secret_value(), role=role, size_max=1)
    name = InstanceName(pool, schema, settings.group_instance(service))
    try:
        if not await name.take():
            raise SystemExit(f"{service}: {_taken(settings)}")
        keeping = asyncio.create_task(name.keep(), name="instance")
        try:
            yield name
        finally:
            keeping.cancel()
            await asyncio.wait({keeping}, timeout=RELEASE_S)
            await name.release()
    finally:
        pool.terminate()
    if name.is_lost and not name.was_held:
        raise SystemExit(f"{service}: {_taken(settings)}")
    if name.is_lost:
        raise SystemExit(
            f"{service}: stopped: it did not answer for a while, and another process has started "
            f"under its name, CIFT_INSTANCE={settings.instance}"
        )


def _taken(settings: ProcessSettings) -> str:
    if settings.instance_is_derived:
        return (
            f"a process with the name of this host ({settings.instance}) is already running; "
            "set CIFT_INSTANCE to a separate name for each replica"
        )
    return (
        f"a process with CIFT_INSTANCE={settings.instance} is already running; "
        "give each replica a separate CIFT_INSTANCE"
    )
