"""Connections to PostgreSQL: one pool for each process, in the role of its service.

The role is taken at connection start, so a service has only its role's rights even where one
login serves all (the local stack). In production each service has a login of its own.
"""

import asyncio
import contextlib
import itertools
import json
from typing import Any

import asyncpg

from cift_shared.log import get_logger

LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000

RANDOM_PAGE_COST = "1.1"
"""What is read is in memory or on flash, where any page is as near as the next.

With the default of 4 (rotating disks) a table's first thousands of rows are read whole for each
statement: a plan made while it was small stays until it is analyzed.
"""

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 12.0
"""Longer than the server's own limit: no answer by then means that the connection is dead.

asyncpg waits as long again for the end of the command, then gives the connection up.
"""

_KEEPALIVES = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""By these the server ends the session of a client that is gone, and frees its locks, in 30 s."""

INFRASTRUCTURE_ERRORS: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a server that is just closing the connection
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.TooManyConnectionsError,
    asyncpg.exceptions.SerializationError,
    asyncpg.exceptions.DeadlockDetectedError,
    asyncpg.exceptions.LockNotAvailableError,
    asyncpg.exceptions.QueryCanceledError,
    asyncpg.exceptions.DiskFullError,
    asyncpg.exceptions.OutOfMemoryError,
)
"""Errors that say nothing about the data: the same work may succeed a moment later."""

_WAITS_S = (0.2, 0.5, 1, 2, 5)

log = get_logger()

Pool = asyncpg.Pool
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


async def open_pool(dsn: str, *, role: str | None, size_max: int = 10) -> "Pool[asyncpg.Record]":
    """Open a pool whose connections act as `role` (None: as the login itself).

    Waits for a database that is away, so services may start before it.
    """
    settings = {
        "application_name": role or "cift",
        "lock_timeout": str(LOCK_TIMEOUT_MS),
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
        "timezone": "UTC",
        "random_page_cost": RANDOM_PAGE_COST,
        **_KEEPALIVES,
    }
    if role:
        settings["role"] = role
    for delay_s in itertools.chain(_WAITS_S, itertools.repeat(_WAITS_S[-1])):
        try:
            return await _pool(dsn, settings, size_max)
        except INFRASTRUCTURE_ERRORS as error:
            log.warning("database.unreachable", error=repr(error), again_in_s=delay_s)
            await asyncio.sleep(delay_s)
    raise AssertionError("unreachable: the waits never end")


async def _pool(dsn: str, settings: dict[str, str], size_max: int) -> "Pool[asyncpg.Record]":
    """A pool in which one dead connection casts doubt on all of its age: each is made anew."""
    age = 0

    async def prepare(connection: "asyncpg.Connection[Any]") -> None:
        born = age

        async def doubt_the_others(_: Any) -> None:
            nonlocal age
            if born == age:  # the end of one that was in doubt already says nothing new
                age += 1
                with contextlib.suppress(asyncpg.InterfaceError):  # the pool itself has ended
                    await pool.expire_connections()

        connection.add_termination_listener(doubt_the_others)
        await _use_json(connection)

    pool = asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size_max,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings=settings,
        init=prepare,
        reset=_keep_session,
    )
    await pool
    return pool


async def _keep_session(_: Any) -> None:
    """No `RESET ALL` after each use: a round trip a query, and our code leaves nothing behind.

    Settings are made with `set local`, locks inside transactions; the one session lock, that of the
    relay, is given back by its holder. An open transaction is rolled back all the same.
    """


async def _use_json(connection: "asyncpg.Connection[Any]") -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads
        )
