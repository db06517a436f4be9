"""Plain SQL migrations, forward only, run by `cift migrate` before a roll-out.

Every package that owns a schema names its folder of `NNNN_name.sql` files by an entry point of
the group `cift.migrations`; the entry point's name starts with a number that orders the schemas
("10-ledger", "20-gateway"). One transaction a file, checksums of applied files are held, and an
advisory lock keeps two runners apart. An include line
(`_INCLUDE`) takes in SQL that several
schemas share (the attempt tables of the workers).
"""

import hashlib
import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.resources import files

import asyncpg

from cift_shared.errors import InvariantViolated

_LOCK_ID = 0x63696674  # "cift"
_INCLUDE = re.compile(r"^\\include (\S+) (\S+)$", re.MULTILINE)
_HISTORY = """
create table if not exists public.cift_migration (
    schema_name text not null,
    file_name   text not null,
    sha256      text not null,
    applied_at  timestamptz not null default now(),
    primary key (schema_name, file_name)
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file."""

    schema: str
    file: str
    sql: str

    @property
    def sha256(self) -> str:
        """Checksum of the text, so that an applied file can't be edited unnoticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def find_migrations() -> list[Migration]:
    """Every migration of every installed package, in the order they must run."""
    found = []
    for point in sorted(entry_points(group="cift.migrations"), key=lambda point: point.name):
        folder = files(point.module) / "migrations"
        sql_files = sorted(
            (entry for entry in folder.iterdir() if entry.name.endswith(".sql")),
            key=lambda entry: entry.name,
        )
        schema = point.name.partition("-")[2]
        found += [
            Migration(schema, entry.name, _with_includes(entry.read_text("utf-8")))
            for entry in sql_files
        ]
    return found


def _with_includes(sql: str) -> str:
    """The text with every include line replaced by the file it names."""
    return _INCLUDE.sub(lambda match: (files(match[1]) / match[2]).read_text("utf-8"), sql)


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing; answers the names of the files applied.

    Raises:
        InvariantViolated: a file that was applied before has changed since.
    """
    connection = await asyncpg.connect(dsn, server_settings={"lock_timeout": "5s"})
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK_ID)
        await connection.execute(_HISTORY)
        return await _apply_missing(connection)
    finally:
        await connection.close()


async def _apply_missing(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    rows = await connection.fetch(
        "select schema_name, file_name, sha256 from public.cift_migration"
    )
    applied = {(row["schema_name"], row["file_name"]): row["sha256"] for row in rows}
    done = []
    for migration in find_migrations():
        known = applied.get((migration.schema, migration.file))
        if known is None:
            await _apply(connection, migration)
            done.append(f"{migration.schema}/{migration.file}")
        elif known != migration.sha256:
            raise InvariantViolated(f"{migration.schema}/{migration.file} changed after it ran")
    return done


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "insert into public.cift_migration (schema_name, file_name, sha256) "
            "values ($1, $2, $3)",
            migration.schema,
            migration.file,
            migration.sha256,
        )
