"""The functions and views that files make are those that the migrations made.

Migrations up to `BEFORE` created functions; since then a function's text is in its file, and a
migration only ever drops one. So what the files say must not depend on where a database comes from.
"""

import re

import pytest

from cift_shared.database.migrations import (
    Migration,
    find_functions,
    find_migrations,
    migrate,
)
from cift_shared.database.migrations.files import number_of
from tests.support.definitions import definitions

pytestmark = pytest.mark.integration

BEFORE = {"ledger": "0024", "gateway": "0007", "mpesa": "0004", "card": "0003"}
"""The newest migration of each schema that may create functions, views and rights on them."""
SCHEMAS = tuple(BEFORE)

_COMMENT = re.compile(r"--[^\n]*")
_DEFINES = re.compile(
    r"\b(create|alter)\s+(or\s+replace\s+)?((materialized|recursive|temporary)\s+)?"
    r"(function|procedure|routine|aggregate|view)\b"
    r"|\b(grant|revoke)\b[^;]*\bon\s+(all\s+)?(function|procedure|routine)s?\b"
    r"|\bcomment\s+on\s+(function|procedure|routine|view)\b",
    re.IGNORECASE,
)


def defines(sql: str) -> bool:
    """True when the text makes or changes a function or a view, or rights on functions."""
    return _DEFINES.search(_COMMENT.sub("", sql)) is not None


def is_newer(migration: Migration) -> bool:
    return number_of(migration.file) > BEFORE.get(migration.schema, "0000")


async def test_every_function_and_view_has_a_file_and_every_file_its_function(
    database: str,
) -> None:
    there = await definitions(database, sorted({one.schema for one in find_migrations()}))
    assert sorted(there) == sorted(one.full_name for one in find_functions() if not one.drops)


async def test_a_function_that_migrations_made_has_a_file(empty_database: str) -> None:
    """Also where the file drops it: a removed file would leave the function as it was."""
    await migrate(empty_database, [one for one in find_migrations() if not is_newer(one)], [])
    made = await definitions(empty_database, SCHEMAS)
    assert made.keys() <= {one.full_name for one in find_functions()}


async def test_built_step_by_step_and_at_once_are_equal(database: str, empty_database: str) -> None:
    every = find_migrations()
    for count in range(1, len(every) + 1):
        assert await migrate(empty_database, every[:count], []) == [every[count - 1].name]
    await migrate(empty_database)
    assert await definitions(empty_database, SCHEMAS) == await definitions(database, SCHEMAS)


@pytest.mark.parametrize("newest", ["ledger/0009_posting.sql", "ledger/0022_lists.sql"])
async def test_an_older_database_becomes_equal(
    database: str, empty_database: str, newest: str
) -> None:
    every = find_migrations()
    older = every[: [one.name for one in every].index(newest) + 1]
    await migrate(empty_database, older, [])
    await migrate(empty_database)
    assert await definitions(empty_database, SCHEMAS) == await definitions(database, SCHEMAS)


def test_no_newer_migration_makes_a_function_or_a_view() -> None:
    assert [one.name for one in find_migrations() if is_newer(one) and defines(one.sql)] == []


def test_migrations_before_do_make_some() -> None:
    """The search finds every one of them: it is the same that finds a newer one."""
    made = {one.name for one in find_migrations() if defines(one.sql)}
    assert {"ledger/0009_posting.sql", "ledger/0018_jit.sql", "mpesa/0004_pull.sql"} <= made
    assert "ledger/0011_grants.sql" in made
    assert "ledger/0022_lists.sql" not in made


@pytest.mark.parametrize(
    "sql",
    [
        "create function s.f() returns int return 1;",
        "CREATE OR REPLACE\nFUNCTION s.f() returns int return 1;",
        "create view v as select 1;",
        "alter function s.f set jit = off;",
        "grant execute on function\n    s.f(int),\n    s.g(int)\nto r;",
        "comment on view v is 'x';",
    ],
)
def test_what_makes_or_changes_one(sql: str) -> None:
    assert defines(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "drop function s.f;",
        "-- create function s.f() is in its file\nselect 1;",
        "create trigger t before delete on s.x for each row execute function s.f();",
        "grant select on s.x to r;",
    ],
)
def test_what_does_not(sql: str) -> None:
    assert not defines(sql)
