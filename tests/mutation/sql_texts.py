"""The text that a change of SQL is made in: of a query, a statement, a function or a migration.

query CLAIM                            of the attempt engine's queries
query ethereum_watcher.payout_store.OPEN   a constant of a module
statement payments/cancel              a file of a feature's `sql/`
function ledger.charge, view …         the file that `cift migrate` runs
table ledger.hold, trigger …           the newest migration that creates it
"""

import functools
import re
from importlib import import_module
from types import ModuleType
from typing import cast

from cift_shared.database.migrations import files
from cift_shared.database.migrations.function_files import shipped_functions
from tests.mutation.equivalents import ListBroken
from tests.mutation.sql_mutant import SqlMutant

QUERY, STATEMENT, FUNCTION = "query ", "statement ", ("function ", "view ")
_ENGINE = "cift_shared.attempts.queries"
_PART_END = re.compile(r"^(?:create|reset role|grant) ", re.MULTILINE)


def part_of(where: str) -> str:
    """The text that `where` names, as the code has it.

    Raises:
        ListBroken: nothing has that name.
    """
    if where.startswith(QUERY):
        module, name = query_named(where)
        return cast("str", vars(module)[name])
    if where.startswith(STATEMENT):
        statements, name = statement_named(where)
        return statements[name]
    if where.startswith(FUNCTION):
        text = function_text(where)
    else:
        every, place = migration_of(where)
        text = every[place].sql
    return text[slice(*_span(text, where))]


def changed_part(part: str, mutant: SqlMutant) -> str:
    """The part with the change.

    Raises:
        ListBroken: what is to be changed does not stand there exactly once.
    """
    if part.count(mutant.old) != 1:
        raise ListBroken(f"{part.count(mutant.old)} times: {mutant.name}")
    return part.replace(mutant.old, mutant.new)


def changed_text(text: str, mutant: SqlMutant) -> str:
    """A whole file with the change in that part of it that creates what the mutant names.

    Raises:
        ListBroken: nothing creates it, or the change does not fit.
    """
    start, end = _span(text, mutant.where)
    return text[:start] + changed_part(text[start:end], mutant) + text[end:]


def query_named(where: str) -> tuple[ModuleType, str]:
    """The module and the name of a query."""
    module, _, name = where.removeprefix(QUERY).rpartition(".")
    return import_module(module or _ENGINE), name


def statement_named(where: str) -> tuple[dict[str, str], str]:
    """The statements of a feature of the gateway as it has loaded them, and the name of one."""
    feature, name = where.removeprefix(STATEMENT).split("/")
    module = "store" if feature == "idempotency" else "repository"
    return cast("dict[str, str]", import_module(f"gateway.{feature}.{module}").SQL), name


def function_text(where: str) -> str:
    """The file of a function or a view.

    Raises:
        ListBroken: there is none.
    """
    text = _functions().get(where.partition(" ")[2])
    if text is None:
        raise ListBroken(f"no file creates it: {where}")
    return text


def migration_of(where: str) -> tuple[list[files.Migration], int]:
    """Every migration, and the place of the newest that creates it: that one has the say.

    Raises:
        ListBroken: there is none.
    """
    every = list(_migrations())
    places = [at for at, one in enumerate(every) if _creation(where).search(one.sql)]
    if not places:
        raise ListBroken(f"no migration creates it: {where}")
    return every, places[-1]


@functools.cache
def _functions() -> dict[str, str]:
    return {one.full_name: one.sql for one in shipped_functions()}


@functools.cache
def _migrations() -> tuple[files.Migration, ...]:
    return tuple(files.find_migrations())


def _span(text: str, where: str) -> tuple[int, int]:
    found = list(_creation(where).finditer(text))
    if not found:
        raise ListBroken(f"nothing creates it: {where}")
    following = _PART_END.search(text, found[-1].end())
    return found[-1].start(), following.start() if following else len(text)


def _creation(where: str) -> re.Pattern[str]:
    return re.compile(rf"^create (?:or replace )?{re.escape(where)}\b", re.MULTILINE)
