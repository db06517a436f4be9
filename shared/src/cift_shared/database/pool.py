"""Connections to PostgreSQL: one pool for each process, in the role of its service.

Every session, pooled or not, starts with `session_settings`.

The role is set at connection start, so a service has only its role's rights even where all
services share one login (the local stack). In production each service has its own login.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from cift_shared.errors import SchemaRefused

LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 5_000
"""A client that hangs inside a transaction keeps its row locks no longer than this. Inside a
transaction a service does nothing but send statements to the database."""

RANDOM_PAGE_COST = "1.1"
"""The data is in memory or on flash, where a random page costs about as much as the next page.

With the default of 4 (for rotating disks) each statement reads a whole table of up to some thousand
rows: a plan made while the table was small is used until the table is analyzed.
"""

CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0
RELEASE_TIMEOUT_S = 3.0
"""A connection whose last command has not ended after this time is dropped."""
COMMAND_TIMEOUT_S = 12.0
"""Longer than the server's own limit: no answer after this time means that the connection is dead.

asyncpg then waits the same time again for the end of the command, and drops the connection.
"""

_SESSION = {
    "timezone": "UTC",
    # The ledger's functions give unwanted plans a cost of 1e10 (`enable_nestloop = off`), which is
    # above `jit_above_cost`: with JIT a stock server compiles every call, for up to a second each.
    # A setting of the role has no effect here: it applies at login, not when a session sets a role.
    "jit": "off",
}

_MAX_QUERIES = 50_000
_IDLE_LIFETIME_S = 300.0
"""asyncpg's own defaults."""

_KEEPALIVES = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""With these the server ends the session of a vanished client, and releases its locks, in 30 s."""

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
    SchemaRefused,  # the schema is not migrated yet, or belongs to a newer release
)
"""Errors that the data does not cause: the same work may succeed a moment later."""

SCHEMA_CHANGED: tuple[type[BaseException], ...] = (
    asyncpg.SyntaxOrAccessError,  # a type, a function or a column is not there
    asyncpg.FeatureNotSupportedError,  # a cached plan whose result has other columns
    asyncpg.exceptions.InternalServerError,  # "cache lookup failed"
)
"""Errors of a statement that runs while `cift migrate` replaces what it uses. Run once more it
finds the new texts; an error that repeats has another cause."""

Pool = asyncpg.Pool
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


def session_settings(*, role: str | None = None, **more: str) -> dict[str, str]:
    """The server settings that every session starts with, and the additional ones of this session.

    Args:
        role: the role to set; None: the login itself.
        more: further settings of PostgreSQL; they override the common ones.
    """
    return {**_SESSION, **({"role": role} if role else {}), **more}


async def connect(
    dsn: str, *, role: str | None = None, **settings: str
) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection outside the pools, for a command or a listener.

    Raises:
        OSError: the server can't be reached, or does not answer within `CONNECT_TIMEOUT_S` seconds.
        asyncpg.PostgresError: the server refuses.
    """
    return await asyncpg.connect(
        dsn, timeout=CONNECT_TIMEOUT_S, server_settings=session_settings(role=role, **settings)
    )


async def open_pool(
    dsn: str, *, role: str | None, size_max: int = 10, generic_plans: bool = False
) -> "Pool[asyncpg.Record]":
    """Open a pool whose connections act as `role` (None: as the login itself).

    It connects at its first use, so a service starts, and stops, without its database.

    Args:
        dsn: the address of the database.
        role: the role of each session.
        size_max: maximum number of connections.
        generic_plans: plan each statement once in a session, not at every call. For services whose
            statements find rows by key; a list with optional filters needs a plan for its values.
    """
    settings = session_settings(
        role=role,
        application_name=role or "cift",
        lock_timeout=str(LOCK_TIMEOUT_MS),
        statement_timeout=str(STATEMENT_TIMEOUT_MS),
        idle_in_transaction_session_timeout=str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
        random_page_cost=RANDOM_PAGE_COST,
        plan_cache_mode="force_generic_plan" if generic_plans else "auto",
        **_KEEPALIVES,
    )
    return await _pool(dsn, settings, size_max)


async def close_pool(pool: "Pool[asyncpg.Record]") -> None:
    """Close a pool normally if the server still answers; else drop its connections."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await pool.close()
    except INFRASTRUCTURE_ERRORS:
        pool.terminate()


class _ServicePool(Pool):
    """A pool that takes connections back in time, and whose statements outlive a migration.

    It takes a connection back within `RELEASE_TIMEOUT_S`, or drops it. asyncpg waits without a
    limit for the end of a cancelled command, and then raises. If the server does not answer, that
    error replaces the cancellation of a stopped loop, which then ends too late or never. The caller
    has finished with the connection, so the error is suppressed.

    A statement that waited for the locks of `cift migrate` goes on with the functions that it had
    begun, on types and tables that have changed since, and may fail. Each of the statements below
    is a transaction of its own, so it has changed nothing and is run once more.
    """

    async def execute(self, *words: Any, **options: Any) -> Any:
        """As asyncpg's, once more after an error of `SCHEMA_CHANGED`."""
        return await _despite_migration(super().execute, *words, **options)

    async def fetch(self, *words: Any, **options: Any) -> Any:
        """As asyncpg's, once more after an error of `SCHEMA_CHANGED`."""
        return await _despite_migration(super().fetch, *words, **options)

    async def fetchrow(self, *words: Any, **options: Any) -> Any:
        """As asyncpg's, once more after an error of `SCHEMA_CHANGED`."""
        return await _despite_migration(super().fetchrow, *words, **options)

    async def fetchval(self, *words: Any, **options: Any) -> Any:
        """As asyncpg's, once more after an error of `SCHEMA_CHANGED`."""
        return await _despite_migration(super().fetchval, *words, **options)

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncpg's signature
        """Return a connection to the pool."""
        with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
            await super().release(connection, timeout=timeout or RELEASE_TIMEOUT_S)


async def _despite_migration(
    run: Callable[..., Awaitable[Any]], *words: Any, **options: Any
) -> Any:
    try:
        return await run(*words, **options)
    except SCHEMA_CHANGED:
        return await run(*words, **options)


async def _pool(dsn: str, settings: dict[str, str], size_max: int) -> "Pool[asyncpg.Record]":
    """A pool that replaces all its connections after one of them has ended unexpectedly."""
    current = 0  # the generation of new connections

    async def prepare(connection: "asyncpg.Connection[Any]") -> None:
        generation = current

        async def expire_generation(_: Any) -> None:
            nonlocal current
            if generation == current:  # an older generation is being replaced already
                current += 1
                with contextlib.suppress(asyncpg.InterfaceError):  # the pool itself is closed
                    await pool.expire_connections()

        connection.add_termination_listener(expire_generation)
        await _use_json(connection)

    pool = _ServicePool(
        dsn,
        min_size=0,
        max_size=size_max,
        max_queries=_MAX_QUERIES,
        max_inactive_connection_lifetime=_IDLE_LIFETIME_S,
        loop=asyncio.get_running_loop(),
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings=settings,
        init=prepare,
        reset=_skip_reset,
    )
    await pool
    return pool


async def _skip_reset(_: Any) -> None:
    """Skip `RESET ALL` after each use: it costs a round trip per query and has nothing to reset.

    Our code makes settings with `set local` and takes locks inside transactions; nothing belongs to
    a session. An open transaction is still rolled back.
    """


async def _use_json(connection: "asyncpg.Connection[Any]") -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads
        )
