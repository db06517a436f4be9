"""Judges changes of SQL: each in a database that has the changed text.

No file is edited. The changed text of a function's or view's file is run in the child's own
template database, where it replaces the former; a trigger or a table is changed in the text of its
migration; a query or a statement of the gateway in the child's memory. One PostgreSQL serves all.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import ModuleType

import asyncpg

from cift_shared.database.migrations import files
from tests.mutation import server
from tests.mutation.equivalents import ListBroken
from tests.mutation.sql_mutant import SqlMutant
from tests.mutation.sql_prepared import completed
from tests.mutation.sql_texts import (
    FUNCTION,
    QUERY,
    STATEMENT,
    changed_part,
    changed_text,
    function_text,
    migration_of,
    part_of,
    query_named,
    statement_named,
)
from tests.support.postgres import GIVEN, Migrate, PgServer, running_postgres

_BASE = "CIFT_TEST_MUTATION_BASE"
"""The name of the migrated database that the children begin with."""
_WALL_S_MOST = 60
"""Of all tests together, as the limit of one change counts it: what waits for a lock has hung."""
_PRELOADED = ("tests.integration.ledger.books", "tests.support.attempts", "tests.support.commands")


def sql_change(mutant: SqlMutant) -> "partial[None]":
    """What a child does to have the text changed.

    Raises:
        ListBroken: the change does not fit the code any more.
    """
    text = changed_part(part_of(mutant.where), mutant)
    if mutant.where.startswith(QUERY):
        return partial(_change_query, *query_named(mutant.where), text)
    if mutant.where.startswith(STATEMENT):
        return partial(_change_statement, *statement_named(mutant.where), text)
    if mutant.where.startswith(FUNCTION):
        return partial(_begin_with, changed_text(function_text(mutant.where), mutant))
    return partial(_change_migration, *migration_of(mutant.where), mutant)


def _change_query(module: ModuleType, name: str, text: str) -> None:
    """Wherever it was imported to."""
    _begin_unchanged()
    old = vars(module)[name]
    for each in list(sys.modules.values()):
        if vars(each).get(name) is old:
            setattr(each, name, text)


def _change_statement(statements: dict[str, str], name: str, text: str) -> None:
    _begin_unchanged()
    statements[name] = text


def _change_migration(every: list[files.Migration], place: int, mutant: SqlMutant) -> None:
    old = every[place]
    every[place] = files.Migration(old.schema, old.file, changed_text(old.sql, mutant))
    vars(files)["find_migrations"] = lambda: list(every)


def _begin_with(statement: str) -> None:
    """Has the tests' databases made from the migrated one, with a statement run in it."""
    base = os.environ[_BASE]

    async def create_template(server: PgServer, migrate: Migrate) -> str:
        del migrate
        name = await server.create("cift_template", template=base)
        connection = await asyncpg.connect(server.address(name))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
        return name

    PgServer.create_template = create_template  # type: ignore[assignment]


def _begin_unchanged() -> None:
    """Has the tests' databases made from the migrated one."""
    base, drop = os.environ[_BASE], PgServer.drop

    async def create_template(server: PgServer, migrate: Migrate) -> str:
        del server, migrate
        return base

    async def drop_others(server: PgServer, name: str) -> None:
        if name != base:
            await drop(server, name)

    PgServer.create_template = create_template  # type: ignore[assignment]
    PgServer.drop = drop_others  # type: ignore[assignment]


async def _checked_runs(
    postgres: PgServer, mutants: Sequence[SqlMutant]
) -> list[tuple[SqlMutant, server.Run]]:
    """What is to be judged; without generated changes that PostgreSQL refuses.

    Raises:
        ListBroken: a change of the list does not fit, or PostgreSQL refuses it.
    """
    found = []
    connection = await asyncpg.connect(postgres.address(os.environ[_BASE]))
    try:
        for mutant in mutants:
            change = sql_change(mutant)
            if change.func is _begin_with and not await _takes(connection, mutant, change.args[0]):
                continue
            if change.func is _change_query and mutant.is_generated:
                module, name, changed = change.args
                text = await completed(connection, part_of(mutant.where), changed)
                if text is None:
                    continue
                change = partial(_change_query, module, name, text)
            found.append((mutant, server.Run(change, mutant.tests)))
    finally:
        await connection.close()
    return found


async def _takes(
    connection: "asyncpg.Connection[asyncpg.Record]", mutant: SqlMutant, text: str
) -> bool:
    """Whether PostgreSQL takes a changed function: what it refuses would look noticed."""
    changing = connection.transaction()
    await changing.start()
    try:
        await connection.execute(text)
    except asyncpg.PostgresError as error:
        if not mutant.is_generated:
            raise ListBroken(f"{error}: {mutant.name}") from error
        return False
    finally:
        await changing.rollback()
    return True


def judge_sql(mutants: Sequence[SqlMutant], *, parallel: int) -> list[SqlMutant]:
    """Prints each survivor and the score; answers the survivors.

    Raises:
        ListBroken: a change does not fit.
        UnsoundTests: the tests fail without a change.
    """
    from cift_shared.database.migrations import migrate

    server.load(_PRELOADED)
    every_test = sorted({test for mutant in mutants for test in mutant.tests})
    survivors: list[SqlMutant] = []
    with running_postgres() as postgres:
        os.environ[GIVEN] = postgres.dsn
        os.environ[_BASE] = asyncio.run(postgres.create_template(migrate))
        checked = asyncio.run(_checked_runs(postgres, mutants))
        baseline = server.measure(every_test)
        server.load([name for name in baseline.modules if not name.endswith("conftest")])
        server.check_server(server.Run(_begin_unchanged, every_test[:1]), baseline)
        baseline = replace(baseline, wall_s=min(baseline.wall_s, _WALL_S_MOST))
        runs = [run for _, run in checked]
        for place, noticed, test in server.judge(runs, baseline, parallel=parallel):
            mutant = checked[place][0]
            outcome = f"noticed by {test or 'a limit'}:" if noticed else "survived"
            print(f"  {outcome} {mutant.name}", flush=True)
            survivors += [] if noticed else [mutant]
    print(f"SQL: {len(checked) - len(survivors)} of {len(checked)} noticed", flush=True)
    return survivors
