"""Apply what a database lacks: `cift migrate`, run before a roll-out.

A run is one transaction: the missing numbered migrations, then the functions and views that have a
higher revision. So functions never run on tables of another release, and a failed run changes
nothing. Checksums of applied migrations are checked, and an advisory lock prevents two runners from
working at the same time.
"""

from collections.abc import Sequence

from cift_shared.database.migrations import files, function_files
from cift_shared.database.migrations.files import Migration, number_of
from cift_shared.database.migrations.function_files import FunctionFile
from cift_shared.database.migrations.function_run import TABLE, replace_functions
from cift_shared.database.migrations.state import (
    Applied,
    changed_after,
    changed_functions,
    compare,
    function_history,
    history,
    newest_numbers,
)
from cift_shared.database.pool import Connection, connect
from cift_shared.database.restored import TABLE as RESTORED
from cift_shared.errors import InvariantViolated, SchemaRefused

_LOCK_ID = 0x63696674  # "cift"
_SESSION = {
    "lock_timeout": "5s",
    # a runner that hangs loses its table locks and does not block the next runner
    "idle_in_transaction_session_timeout": "5s",
    "idle_session_timeout": "30s",
}
_HISTORY = """
create table if not exists public.cift_migration (
    schema_name text not null,
    file_name   text not null,
    sha256      text not null,
    applied_at  timestamptz not null default now(),
    primary key (schema_name, file_name)
);
alter table public.cift_migration add column if not exists needs_code_of text;
grant select on public.cift_migration to public;
"""


async def migrate(
    dsn: str,
    shipped: Sequence[Migration] | None = None,
    functions: Sequence[FunctionFile] | None = None,
) -> list[str]:
    """Apply what is missing; returns the names of the applied migrations and functions.

    Args:
        dsn: a login that may create roles and schemas.
        shipped: the release's migrations; None: those of all installed packages.
        functions: the release's functions, in their order; None: those of all installed packages.

    Raises:
        InvariantViolated: a migration that was applied before has changed since, or a function
            can't be replaced by the shipped one.
        SchemaRefused: the database holds files of another release that this release can't order
            among its own or can't work with.
    """
    ours = files.find_migrations() if shipped is None else list(shipped)
    texts = function_files.find_functions() if functions is None else list(functions)
    connection = await connect(dsn, **_SESSION)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK_ID)
        await connection.execute(_HISTORY + TABLE + RESTORED)
        return await _apply_missing(connection, ours, texts)
    finally:
        await connection.close()


async def _apply_missing(
    connection: Connection, shipped: Sequence[Migration], functions: Sequence[FunctionFile]
) -> list[str]:
    applied, known = await history(connection), await function_history(connection)
    _refuse_unknown(shipped, applied)
    changed = changed_after(shipped, applied)
    if changed:
        raise InvariantViolated(f"{changed[0]} changed after it ran")
    changed_texts = changed_functions(functions, known)
    if changed_texts:
        raise InvariantViolated(
            f"{changed_texts[0]} is not the text that the database has under that revision: "
            "two branches have changed the function; merge them, then `make functions`"
        )
    applied_names = {row.name for row in applied}
    missing = [migration for migration in shipped if migration.name not in applied_names]
    async with connection.transaction():
        for migration in missing:
            await _apply(connection, migration)
        replaced = await replace_functions(connection, functions, known)
    return [one.name for one in missing] + [one.label for one in replaced]


def _refuse_unknown(shipped: Sequence[Migration], applied: Sequence[Applied]) -> None:
    """Refuse a database that holds files which this release can't order among its own.

    If all unknown files come after all of ours, and none of ours is missing, there is nothing to do
    and nothing to refuse.
    """
    state = compare(shipped, applied)
    if state.incompatible:
        raise SchemaRefused(f"{state}; use the `cift` of that release")
    newest = newest_numbers(shipped)
    waiting = {name.partition("/")[0] for name in state.missing}
    for name in state.ahead:
        schema, _, file = name.partition("/")
        if schema in waiting or number_of(file) <= newest[schema]:
            raise SchemaRefused(
                f"the database holds {name}, which this release does not ship, and its order among "
                f"the release's own files is unknown; use a release that ships both"
            )


async def _apply(connection: Connection, migration: Migration) -> None:
    """Run one file, then reset its `set local`: the next file starts as in a new session."""
    await connection.execute(f"{migration.sql}\n;reset role; reset all")
    await connection.execute(
        "insert into public.cift_migration (schema_name, file_name, sha256, needs_code_of) "
        "values ($1, $2, $3, $4)",
        migration.schema,
        migration.file,
        migration.sha256,
        migration.needs_code_of,
    )
