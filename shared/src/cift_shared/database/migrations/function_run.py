"""Update a database's functions and views to the text that a release ships.

Runs inside the transaction of `cift migrate`, after the numbered migrations. A function or view is
created in the role of its schema's owner.
"""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager

import asyncpg

from cift_shared.database.migrations.function_files import FunctionFile
from cift_shared.database.migrations.state import AppliedFunction
from cift_shared.database.pool import Connection
from cift_shared.errors import InvariantViolated

TABLE = """
create table if not exists public.cift_function (
    schema_name   text not null,
    function_name text not null,
    revision      integer not null,
    digest        text not null,
    applied_at    timestamptz not null default now(),
    primary key (schema_name, function_name)
);
grant select on public.cift_function to public;
"""
_RECORD = """
insert into public.cift_function (schema_name, function_name, revision, digest)
values ($1, $2, $3, $4)
on conflict (schema_name, function_name) do update
set revision = excluded.revision, digest = excluded.digest, applied_at = excluded.applied_at
"""
_EXISTING = """
select n.nspname || '.' || f.name as name
from (select pronamespace as place, proname as name from pg_proc
      union all select relnamespace, relname from pg_class where relkind = 'v') f
join pg_namespace n on n.oid = f.place
where n.nspname = any ($1::text[])
"""
_OWNER_ROLE = """
select set_config('role', pg_get_userbyid(nspowner)::text, true)
from pg_namespace where nspname = $1
"""
_OWN_PATH = """
select set_config('search_path', substr(setting, length('search_path=') + 1), true)
from pg_proc p, unnest(p.proconfig) setting
where p.pronamespace = $1::regnamespace and p.proname = $2 and setting like 'search_path=%'
"""
# functions may call each other in any order: bodies are checked once all functions exist
_UNCHECKED = "set local check_function_bodies = off"
_CHECKED = "set local check_function_bodies = on"
_VALIDATE = """
select case l.lanname when 'sql' then fmgr_sql_validator(p.oid)
                      when 'plpgsql' then plpgsql_validator(p.oid) end
from pg_proc p join pg_language l on l.oid = p.prolang
where p.pronamespace = $1::regnamespace and p.proname = $2
"""
_RESET = "reset role; reset search_path; reset check_function_bodies"

_REFUSES_TO_REPLACE = (
    asyncpg.InvalidFunctionDefinitionError,
    asyncpg.InvalidTableDefinitionError,
    asyncpg.WrongObjectTypeError,
)
"""Errors of `create or replace` if result, argument names or columns differ."""


async def replace_functions(
    connection: Connection, shipped: Sequence[FunctionFile], known: Sequence[AppliedFunction]
) -> list[FunctionFile]:
    """Apply every shipped file that the database lacks; returns the applied files.

    Args:
        connection: inside a transaction, which must be rolled back after an error.
        shipped: the release's files, in their order.
        known: the functions and views that the database has.

    Raises:
        InvariantViolated: PostgreSQL rejects a file, or a function would become an overload of the
            previous one instead of replacing it.
    """
    existing = await _existing_functions(connection, shipped)
    due = due_functions(shipped, known, existing)
    await connection.execute(_UNCHECKED)
    for one in due:
        with _explained(one, replaces=one.full_name in existing):
            await _create(connection, one)
    _refuse_overloads(due, await _existing_functions(connection, due))
    await connection.execute(_CHECKED)
    for one in due:
        with _explained(one):
            await _validate(connection, one)
    await connection.execute(_RESET)
    return due


def due_functions(
    shipped: Sequence[FunctionFile], known: Sequence[AppliedFunction], existing: Container[str]
) -> list[FunctionFile]:
    """The files to apply: a higher revision than the database's, or a function that is missing.

    A function is missing if a numbered migration has dropped it to change something that the
    function depends on. A newer release that removed a function has recorded a higher revision.
    """
    revisions = {one.full_name: one.revision for one in known}
    return [
        one
        for one in shipped
        if revisions.get(one.full_name, 0) < one.revision
        or (revisions[one.full_name] == one.revision and _is_missing(one, existing))
    ]


def _is_missing(one: FunctionFile, existing: Container[str]) -> bool:
    return not one.drops and one.full_name not in existing


async def _existing_functions(
    connection: Connection, files: Sequence[FunctionFile]
) -> Counter[str]:
    """Qualified names in the files' schemas, with the number of functions of each name."""
    rows = await connection.fetch(_EXISTING, sorted({one.schema for one in files}))
    return Counter(row["name"] for row in rows)


async def _create(connection: Connection, one: FunctionFile) -> None:
    await connection.fetchval(_OWNER_ROLE, one.schema)
    await connection.execute(one.sql)
    await connection.execute("reset role")
    await connection.execute(_RECORD, one.schema, one.name, one.revision, one.digest)


async def _validate(connection: Connection, one: FunctionFile) -> None:
    """Check the body as its creation would have done: by its owner, under its own search path."""
    await connection.execute("reset search_path")
    await connection.fetchval(_OWNER_ROLE, one.schema)
    await connection.fetchval(_OWN_PATH, one.schema, one.name)
    await connection.fetch(_VALIDATE, one.schema, one.name)


def _refuse_overloads(due: Sequence[FunctionFile], existing: Counter[str]) -> None:
    for one in due:
        if existing[one.full_name] > 1:
            raise InvariantViolated(
                f"{one.label}: a function of that name with other arguments is there; "
                + _advice(one)
            )


@contextmanager
def _explained(one: FunctionFile, *, replaces: bool = False) -> Iterator[None]:
    """Turn PostgreSQL's rejection of a file into an error that names the file and what to do."""
    try:
        yield
    except asyncpg.SyntaxOrAccessError as error:
        is_changed = replaces and isinstance(error, _REFUSES_TO_REPLACE)
        reason = f"{one.label}: PostgreSQL refuses it: {error}"
        raise InvariantViolated(f"{reason}; {_advice(one)}" if is_changed else reason) from error


def _advice(one: FunctionFile) -> str:
    return (
        "arguments, result and columns can't change, because processes of the release before call "
        f"the former one during a roll-out: leave this file as it was and give the new one a new "
        f"name ({one.name}_2)"
    )
