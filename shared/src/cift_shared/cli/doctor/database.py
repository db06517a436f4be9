"""Checks of PostgreSQL: connection, version, clock, JIT, roles, schema, instances."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg

from cift_shared.cli.doctor.finding import Finding, fail, ok, warn
from cift_shared.clock import Clock, SystemClock
from cift_shared.database.connecting import as_cift_error, database_errors, shown_address
from cift_shared.database.migrations.files import find_migrations
from cift_shared.database.migrations.function_files import find_functions
from cift_shared.database.migrations.state import (
    changed_after,
    changed_functions,
    compare_all,
    function_history,
    history,
)
from cift_shared.database.pool import CONNECT_TIMEOUT_S, open_pool
from cift_shared.errors import CiftError
from cift_shared.rails.registry import rails

VERSION_MIN = 15
"""The oldest release that the tests run on."""
CLOCK_S_WARN, CLOCK_S_FAIL = 1.0, 5.0
"""Leases and schedules compare the clocks of processes with the database's."""
CONNECTIONS_FREE_MIN = 20
_GRANT = "give the login that right"
OWN_ROLES = ("cift_gateway", "cift_ledger", "cift_operator")
"""The roles that are not those of a rail's worker."""

Connection = asyncpg.Connection

_COMPILES = "select pg_jit_available()"
"""True if JIT is switched on and the server was built with it."""
_ROLES = """
select rolname as name, pg_has_role(current_user, oid, 'member') as held
from pg_roles where rolname = any($1::text[])
"""
_CONNECTIONS = """
select current_setting('max_connections')::int
     - current_setting('superuser_reserved_connections')::int
     - (select count(*) from pg_stat_activity where backend_type = 'client backend')
"""
_LEASE_SCHEMAS = """
select n.nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relname = 'lease' and c.relkind = 'r' and has_table_privilege(c.oid, 'select')
  and has_schema_privilege(n.oid, 'usage')
order by n.nspname
"""
_INSTANCES = """
select name, ends_at > clock_timestamp() as alive from {schema}.lease
where name like 'instance:%' and holder is not null order by name
"""


async def check_database(dsn: str) -> AsyncIterator[Finding]:
    """All findings about the database of `dsn`; after a failed connection only that one."""
    try:
        with database_errors(dsn):
            connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    except CiftError as error:
        yield fail("database.connection", str(error), "start PostgreSQL or correct DATABASE_URL")
        return
    try:
        yield ok("database.connection", f"PostgreSQL answers at {shown_address(dsn)}")
        yield _version(connection.get_server_version().major)
        yield await _clock(connection, SystemClock())
        yield await _free_connections(connection)
        yield await _jit(connection, dsn)
        yield await _roles(connection)
        yield await _schema(connection)
        async for finding in _instances(connection):
            yield finding
    except asyncpg.PostgresError as error:
        yield fail("database.questions", str(as_cift_error(error, dsn)), _GRANT)
    finally:
        await connection.close()


def _version(major: int) -> Finding:
    seen = f"PostgreSQL {major}"
    if major < VERSION_MIN:
        return fail("database.version", seen, f"run PostgreSQL {VERSION_MIN} or newer")
    return ok("database.version", seen)


async def _clock(connection: "Connection[Any]", clock: Clock) -> Finding:
    """Compare the database's clock with ours, corrected by half of the round trip."""
    before = clock.now()
    database_time: datetime = await connection.fetchval("select clock_timestamp()")
    after = clock.now()
    difference_s = abs((database_time - (before + (after - before) / 2)).total_seconds())
    seen = f"the clocks of this machine and of PostgreSQL are {difference_s:.1f} s apart"
    advice = "let both machines take their time from NTP (chrony)"
    if difference_s > CLOCK_S_FAIL:
        return fail("database.clock", seen, advice)
    if difference_s > CLOCK_S_WARN:
        return warn("database.clock", seen, advice)
    return ok("database.clock", seen)


async def _free_connections(connection: "Connection[Any]") -> Finding:
    free = int(await connection.fetchval(_CONNECTIONS))
    seen = f"{free} connections are free"
    if free < CONNECTIONS_FREE_MIN:
        return warn("database.connections", seen, "raise max_connections: a service takes up to 11")
    return ok("database.connections", seen)


async def _jit(connection: "Connection[Any]", dsn: str) -> Finding:
    """Check that JIT is off in our sessions: it compiles the ledger's statements at every call."""
    on_server = await connection.fetchval(_COMPILES)
    pool = await open_pool(dsn, role=None, size_max=1)
    try:
        in_ours = await pool.fetchval(_COMPILES)
    finally:
        await pool.close()
    words = {True: "on", False: "off"}
    seen = f"JIT is {words[on_server]} on the server, {words[in_ours]} in our sessions"
    if in_ours:
        advice = "set jit = off in postgresql.conf: settling a payment takes seconds with it"
        return fail("database.jit", seen, advice)
    return ok("database.jit", seen)


async def _roles(connection: "Connection[Any]") -> Finding:
    roles = [*OWN_ROLES, *(f"cift_{name}" for name in rails())]
    found = {row["name"]: row["held"] for row in await connection.fetch(_ROLES, roles)}
    missing = [name for name in roles if name not in found]
    if missing:
        seen = f"roles are missing: {', '.join(missing)}"
        return fail("database.roles", seen, "run cift migrate")
    not_granted = [name for name, held in found.items() if not held]
    if not_granted:
        seen = f"this login is no member of {', '.join(sorted(not_granted))}"
        return warn("database.roles", seen, "right for a service's own login; else grant the role")
    return ok("database.roles", f"this login may act as each of {len(roles)} roles")


async def _schema(connection: "Connection[Any]") -> Finding:
    """Compare what is applied with what this release ships, by the same rules as `/readyz`."""
    shipped, functions = find_migrations(), find_functions()
    applied, known = await history(connection), await function_history(connection)
    state = compare_all(shipped, functions, applied, known)
    if not state.fits:
        newer = "install that release; this one can't work on its database"
        return fail(
            "database.schema", str(state), newer if state.incompatible else "run cift migrate"
        )
    changed = changed_after(shipped, applied) + changed_functions(functions, known)
    if changed:
        seen = f"{changed[0]} is not what was applied"
        return fail("database.schema", seen, "install the release that applied it, unchanged")
    if state.ahead:
        seen = (
            f"{len(state.ahead)} migrations or functions are of a newer release, "
            f"the first is {state.ahead[0]}"
        )
        return warn("database.schema", seen, "right during a roll-out; else install that release")
    seen = f"all {len(shipped)} migrations and {len(functions)} functions are applied"
    return ok("database.schema", seen)


async def _instances(connection: "Connection[Any]") -> AsyncIterator[Finding]:
    """Processes that hold a lease on their name; releases without leases are not seen here."""
    schemas = [row["schema"] for row in await connection.fetch(_LEASE_SCHEMAS)]
    for schema in schemas:
        rows = await connection.fetch(_INSTANCES.format(schema=f'"{schema}"'))
        alive = [row["name"].partition(":")[2] for row in rows if row["alive"]]
        seen = f"{schema}: {', '.join(alive) or 'no process'} alive"
        if alive:
            yield ok("instances", seen)
        else:
            yield warn("instances", seen, "start the service, unless it is stopped on purpose")
