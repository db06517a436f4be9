"""Checks of `cift doctor --production`: what must be true before real money moves."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from typing import Any

import asyncpg

from cift_shared.cli.doctor.finding import Finding, fail, ok, warn
from cift_shared.cli.doctor.machine import MODE, is_live
from cift_shared.cli.doctor.monitoring import check_monitoring
from cift_shared.cli.doctor.rails import check_rails
from cift_shared.clock import SystemClock
from cift_shared.database.connecting import as_cift_error, database_errors
from cift_shared.database.pool import CONNECT_TIMEOUT_S

GROUP = "cift.doctor"
"""Entry points: functions (connection, names of rails) that yield findings."""
PEOPLE = (
    "PCI DSS: the questionnaire for your kind of acceptance is filled in",
    "fraud: limits for customers and the provider's own rules are decided",
    "fees: the price list was approved by whoever is responsible for it",
    "support has read docs/support.md, and operators docs/runbooks",
    "backups of keys, wallets and their passphrases are kept apart, and a restore was tried",
)
"""What only people can confirm."""
ARCHIVE_AGE_MAX = timedelta(hours=1)

Connection = asyncpg.Connection
Check = Callable[["Connection[Any]", Sequence[str]], AsyncIterator[Finding]]

_STANDBYS = """
select pg_has_role(current_user, 'pg_monitor', 'usage') as visible,
       count(*) filter (where state = 'streaming') as streaming,
       count(*) filter (where state = 'streaming' and sync_state in ('sync', 'quorum')) as safe
  from pg_stat_replication
"""
_ARCHIVE = """
select current_setting('archive_mode') <> 'off' as is_on, last_archived_time as archived_at,
       last_failed_time as failed_at
  from pg_stat_archiver
"""
_ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


async def check_production(dsn: str | None, prometheus: str | None) -> AsyncIterator[Finding]:
    """All findings; the database is queried only if `dsn` is given."""
    yield _mode()
    found = dict(check_rails("live" if is_live() else "test"))
    for finding in found.values():
        yield finding
    if not found:
        yield warn("rails", "no rail is set up in this environment", "use a worker's environment")
    yield _prices()
    if dsn is not None:
        async for finding in _check_database(dsn, list(found)):
            yield finding
    async for finding in check_monitoring(prometheus):
        yield finding


def _mode() -> Finding:
    if is_live():
        return ok("production.mode", f"{MODE} is live")
    return fail("production.mode", f"{MODE} is not live", "set it: real money moves only with live")


def _prices() -> Finding:
    name, label = "CIFT_FEE_SCHEDULE", "production.prices"
    if os.environ.get(name):
        return ok(label, f"{name} names your own price list")
    return warn(label, "the shipped price list is used", f"approve it, or set {name}")


async def _check_database(dsn: str, rails: Sequence[str]) -> AsyncIterator[Finding]:
    with database_errors(dsn):
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    try:
        yield await _encryption(connection)
        yield await _standbys(connection)
        yield await _archive(connection, now=SystemClock().now())
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            check: Check = point.load()
            async for finding in check(connection, rails):
                yield finding
    except asyncpg.PostgresError as error:
        seen = str(as_cift_error(error, dsn))
        yield fail("production.database", seen, "use a login of an operator")
    finally:
        await connection.close()


async def _encryption(connection: "Connection[Any]") -> Finding:
    if await connection.fetchval(_ENCRYPTED):
        return ok("production.encryption", "the connection to PostgreSQL is encrypted")
    advice = "add ?sslmode=verify-full&sslrootcert=<file> to DATABASE_URL"
    seen = "the connection to PostgreSQL is not encrypted"
    return warn("production.encryption", seen, advice)


async def _standbys(connection: "Connection[Any]") -> Finding:
    label, row = "production.standby", await connection.fetchrow(_STANDBYS)
    assert row is not None
    if not row["visible"]:
        advice = "grant pg_monitor to this login"
        return warn(label, "this login can't see whether a standby follows", advice)
    if row["safe"]:
        return ok(label, f"{row['safe']} synchronous standbys follow")
    seen = f"{row['streaming']} standbys follow, none of them synchronous"
    advice = "set synchronous_standby_names: else a fail-over can lose payments"
    return (warn if row["streaming"] else fail)(label, seen, advice)


async def _archive(connection: "Connection[Any]", *, now: datetime) -> Finding:
    label, row = "production.archive", await connection.fetchrow(_ARCHIVE)
    assert row is not None
    archived, failed = row["archived_at"], row["failed_at"]
    if not row["is_on"]:
        advice = "set archive_mode and archive_command: a backup alone loses what came after it"
        return fail(label, "the write-ahead log is not archived", advice)
    if failed is not None and (archived is None or failed > archived):
        return fail(label, f"the archive fails since {failed:%F %T %Z}", "read PostgreSQL's log")
    if archived is None or now - archived > ARCHIVE_AGE_MAX:
        seen = f"nothing was archived since {archived or 'the start'}"
        return warn(label, seen, "set archive_timeout, for example to 60s")
    return ok(label, f"the write-ahead log is archived, last at {archived:%F %T %Z}")
