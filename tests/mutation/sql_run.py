"""Judges changes of SQL: each in a database that has the changed text.

No file is edited. The changed text of a function's or view's file is run in the child's own
template database, where it replaces the former; a trigger or a table is changed in the text of its
migration; a query or a statement of the gateway in the child's memory. One PostgreSQL serves all.
"""

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import cast

import asyncpg

from tests.mutation import server
from tests.mutation.equivalents import ListBroken
from tests.mutation.sql_mutant import SqlMutant
from tests.support.postgres import GIVEN, Migrate, PgServer, running_postgres

_QUERY, _STATEMENT = "query ", "statement "
_BASE = "CIFT_TEST_MUTATION_BASE"
"""The name of the migrated database that the children begin with."""
_NOTHING = "select 1"
_WALL_S_MOST = 60
"""Of all tests together, as the limit of one change counts it: what waits for a lock has hung."""
_PRELOADED = ("tests.integration.ledger.books", "tests.support.attempts", "tests.support.commands")


def changed_text(text: str, mutant: SqlMutant) -> str:
    """The text with the change in that part of it that creates what the mutant names.

    Raises:
        ListBroken: what is to be changed does not stand there exactly once.
    """
    found = list(_creation(mutant.where).finditer(text))
    if not found:
        raise ListBroken(f"nothing creates it: {mutant.name}")
    start = found[-1].start()
    following = re.compile(r"^(?:create|reset role|grant) ", re.MULTILINE).search(
        text, found[-1].end()
    )
    end = following.start() if following else len(text)
    return text[:start] + _changed_part(text[start:end], mutant) + text[end:]


def _changed_part(part: str, mutant: SqlMutant) -> str:
    if part.count(mutant.old) != 1:
        raise ListBroken(f"{part.count(mutant.old)} times: {mutant.name}")
    return part.replace(mutant.old, mutant.new)


def _creation(where: str) -> re.Pattern[str]:
    return re.compile(rf"^create (?:or replace )?{re.escape(where)}\b", re.MULTILINE)


def sql_change(mutant: SqlMutant) -> Callable[[], None]:
    """What a child does to have the text changed.

    Raises:
        ListBroken: the change does not fit the code any more.
    """
    if mutant.where.startswith(_QUERY):
        return _query_change(mutant)
    if mutant.where.startswith(_STATEMENT):
        return _statement_change(mutant)
    if mutant.where.startswith(("function ", "view ")):
        return _function_change(mutant)
    return _migration_change(mutant)


def _query_change(mutant: SqlMutant) -> Callable[[], None]:
    from cift_shared.attempts import queries

    name = mutant.where.removeprefix(_QUERY)
    text = _changed_part(getattr(queries, name), mutant)

    def change() -> None:
        _begin_with(_NOTHING)
        setattr(queries, name, text)

    return change


def _statement_change(mutant: SqlMutant) -> Callable[[], None]:
    """A file of a feature's `sql/`."""
    feature, name = mutant.where.removeprefix(_STATEMENT).split("/")
    statements = _statements_of(feature)
    text = _changed_part(statements[name], mutant)

    def change() -> None:
        _begin_with(_NOTHING)
        statements[name] = text

    return change


def _function_change(mutant: SqlMutant) -> Callable[[], None]:
    """Its file, changed, is what `cift migrate` would run."""
    from cift_shared.database.migrations.function_files import shipped_functions

    name = mutant.where.partition(" ")[2]
    texts = [one.sql for one in shipped_functions() if one.full_name == name]
    if not texts:
        raise ListBroken(f"no file creates it: {mutant.name}")
    return partial(_begin_with, changed_text(texts[0], mutant))


def _statements_of(feature: str) -> dict[str, str]:
    """The statements of one feature of the gateway, as its repository has loaded them."""
    module = "store" if feature == "idempotency" else "repository"
    return cast("dict[str, str]", import_module(f"gateway.{feature}.{module}").SQL)


def _migration_change(mutant: SqlMutant) -> Callable[[], None]:
    """The newest migration that creates it has the say."""
    from cift_shared.database.migrations import files

    every = files.find_migrations()
    places = [at for at, one in enumerate(every) if _creation(mutant.where).search(one.sql)]
    if not places:
        raise ListBroken(f"no migration creates it: {mutant.name}")
    old = every[places[-1]]
    text = changed_text(old.sql, mutant)
    every[places[-1]] = files.Migration(old.schema, old.file, text)
    return lambda: setattr(files, "find_migrations", lambda: list(every))


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


async def _check_statements(postgres: PgServer, runs: Sequence[server.Run]) -> None:
    """Sees that PostgreSQL takes each changed function: what it refuses would look noticed.

    Raises:
        ListBroken: it does not.
    """
    connection = await asyncpg.connect(postgres.address(os.environ[_BASE]))
    try:
        for run in runs:
            if isinstance(run.change, partial):
                await _check_statement(connection, *run.change.args)
    finally:
        await connection.close()


async def _check_statement(connection: "asyncpg.Connection[asyncpg.Record]", text: str) -> None:
    changing = connection.transaction()
    await changing.start()
    try:
        await connection.execute(text)
    except asyncpg.PostgresError as error:
        raise ListBroken(f"{error}: {text}") from error
    finally:
        await changing.rollback()


def judge_sql(mutants: Sequence[SqlMutant], *, parallel: int) -> list[SqlMutant]:
    """Prints each survivor and the score; answers the survivors.

    Raises:
        ListBroken: a change does not fit.
        UnsoundTests: the tests fail without a change.
    """
    from cift_shared.database.migrations import migrate

    server.load(_PRELOADED)
    runs = [server.Run(sql_change(mutant), mutant.tests) for mutant in mutants]
    every_test = sorted({test for mutant in mutants for test in mutant.tests})
    survivors: list[SqlMutant] = []
    with running_postgres() as postgres:
        os.environ[GIVEN] = postgres.dsn
        os.environ[_BASE] = asyncio.run(postgres.create_template(migrate))
        asyncio.run(_check_statements(postgres, runs))
        baseline = server.measure(every_test)
        server.load([name for name in baseline.modules if not name.startswith("tests.")])
        server.check_server(server.Run(partial(_begin_with, _NOTHING), every_test[:1]), baseline)
        baseline = replace(baseline, wall_s=min(baseline.wall_s, _WALL_S_MOST))
        for place, noticed in server.judge(runs, baseline, parallel=parallel):
            print(f"  {'noticed' if noticed else 'survived'} {mutants[place].name}", flush=True)
            survivors += [] if noticed else [mutants[place]]
    print(f"SQL: {len(mutants) - len(survivors)} of {len(mutants)} noticed", flush=True)
    return survivors
