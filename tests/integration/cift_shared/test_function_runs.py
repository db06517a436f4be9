"""`cift migrate` and the function files: what it replaces, and what it leaves alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from cift_shared.database.migrations import (
    FunctionFile,
    Migration,
    find_functions,
    find_migrations,
    migrate,
    schema_state,
)
from cift_shared.database.migrations.function_files import digest_of, in_order
from cift_shared.errors import InvariantViolated
from tests.support.definitions import definitions

pytestmark = pytest.mark.integration

NEWER = "8888_newer.sql"
NAME = "ledger.mode_of"
OLD, NEW = "'live' else 'test'", "'LIVE' else 'test'"


@pytest.fixture
async def admin(database: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def file(name: str, sql: str, *, revision: int = 1) -> FunctionFile:
    """A file of the ledger's, as `make functions` writes it after so many changes."""
    return FunctionFile("ledger", name, revision, digest=digest_of(sql), sql=sql)


def release(*changed: FunctionFile) -> list[FunctionFile]:
    """This release's files, and others instead of them or beside them."""
    every = {one.full_name: one for one in find_functions()}
    every |= {one.full_name: one for one in changed}
    return in_order(every.values())


def shipped(name: str) -> FunctionFile:
    """The file of that name in this release."""
    [found] = [one for one in find_functions() if one.full_name == name]
    return found


def revised(name: str, *changes: tuple[str, str], by: int = 1) -> FunctionFile:
    """The shipped file of that name with another text, so many revisions later."""
    old = shipped(name)
    sql = old.sql
    for before, after in changes:
        assert sql.count(before) == 1
        sql = sql.replace(before, after)
    return file(old.name, sql, revision=old.revision + by)


NEWER_TEXT = revised(NAME, (OLD, NEW))


async def mode(connection: "asyncpg.Connection[Any]") -> str:
    answer: str = await connection.fetchval("select ledger.mode_of(true)")
    return answer


class TestAChangedText:
    async def test_replaces_the_former_once(self, database: str, admin: Any) -> None:
        before = await definitions(database, ["ledger"])
        assert await migrate(database, functions=release(NEWER_TEXT)) == [NEWER_TEXT.label]
        assert await mode(admin) == "LIVE"
        after = await definitions(database, ["ledger"])
        assert {name for name in after if after[name] != before[name]} == {NAME}
        assert await migrate(database, functions=release(NEWER_TEXT)) == []

    async def test_is_missing_until_then(self, database: str, admin: Any) -> None:
        state = await schema_state(admin, functions=release(NEWER_TEXT))
        assert state.missing == (NEWER_TEXT.label,)
        assert str(state) == (
            f"the database lacks {NEWER_TEXT.label}: run `cift migrate` of this release"
        )
        ours = release(NEWER_TEXT)
        assert (await schema_state(admin, functions=ours, schemas=["gateway"])).fits
        await migrate(database, functions=ours)
        assert (await schema_state(admin, functions=ours)).fits

    async def test_comes_in_one_transaction_with_the_migrations(
        self, database: str, admin: Any
    ) -> None:
        migrations = [
            *find_migrations(),
            Migration("ledger", NEWER, "set local role cift_ledger_owner;\n"
                      "create table ledger.newer ();"),
        ]  # fmt: skip
        broken = file("worse", "create or replace function ledger.worse() returns int return gone;")
        before = await definitions(database, ["ledger"])
        with pytest.raises(InvariantViolated, match=r"ledger\.worse \(revision 1\).*gone"):
            await migrate(database, migrations, release(NEWER_TEXT, broken))
        assert await definitions(database, ["ledger"]) == before
        assert await admin.fetchval("select to_regclass('ledger.newer')") is None
        assert (await schema_state(admin)).ahead == ()
        whole = file("worse", broken.sql.replace("gone", "1"))
        assert await migrate(database, migrations, release(NEWER_TEXT, whole)) == [
            f"ledger/{NEWER}", NEWER_TEXT.label, whole.label,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "body",
        [
            "language plpgsql as $$ begin retrun 1; end $$;",
            "language sql as $$ select gone $$;",
            "language sql as $$ select 'x'::text $$;",
            "language sql as $$ select count(*)::int from payment $$;",  # no search path
        ],
    )
    async def test_with_a_broken_body_is_refused(
        self, database: str, admin: Any, body: str
    ) -> None:
        broken = file("worse", f"create or replace function ledger.worse() returns int\n{body}")
        with pytest.raises(InvariantViolated, match=r"ledger\.worse"):
            await migrate(database, functions=release(broken))
        assert (await schema_state(admin)).ahead == ()

    async def test_belongs_to_the_owner_of_the_schema(self, database: str, admin: Any) -> None:
        """With that owner's default rights: nobody else may execute it."""
        added = file("added", "create or replace function ledger.added() returns int return 1;")
        await migrate(database, functions=release(added))
        owner, rights = await admin.fetchrow(
            "select pg_get_userbyid(proowner)::text, proacl::text from pg_proc "
            "where oid = 'ledger.added'::regproc"
        )
        assert owner == "cift_ledger_owner"
        assert rights == "{cift_ledger_owner=X/cift_ledger_owner}"


class TestTheOrder:
    async def test_of_what_needs_each_other(self, database: str, admin: Any) -> None:
        """A view before a function of its rows; quoted bodies in any order, in a circle too."""
        await migrate(
            database,
            functions=release(
                file("a_rows", "create or replace function ledger.a_rows() "
                     "returns setof ledger.z_view "
                     "language sql as $$ select * from ledger.z_view $$;"),
                file("z_view", "create or replace view ledger.z_view as select 1 as one;"),
                file("ping", "create or replace function ledger.ping(n int) returns int\n"
                     "language sql set search_path = ledger as $$\n"
                     "select case when n > 0 then pong(n - 1) else 0 end $$;"),
                file("pong", "create or replace function ledger.pong(n int) returns int\n"
                     "language sql set search_path = ledger as $$\n"
                     "select case when n > 0 then ping(n - 1) else 1 end $$;"),
            ),
        )  # fmt: skip
        assert await admin.fetchval("select one from ledger.a_rows()") == 1
        assert await admin.fetchval("select ledger.ping(3)") == 1


class TestAnOlderRelease:
    async def test_takes_nothing_back(self, database: str, admin: Any) -> None:
        added = file("added", "create or replace function ledger.added() returns int return 1;")
        await migrate(database, functions=release(NEWER_TEXT, added))
        newer = await definitions(database, ["ledger"])
        assert await migrate(database) == []
        assert await definitions(database, ["ledger"]) == newer
        state = await schema_state(admin)
        assert state.ahead == (added.label, NEWER_TEXT.label)
        assert state.fits

    async def test_does_not_bring_back_what_was_removed(self, database: str, admin: Any) -> None:
        drop = "drop function if exists ledger.amount_text;"
        revision = shipped("ledger.amount_text").revision + 1
        dropped = replace(file("amount_text", drop, revision=revision), drops=True)
        assert await migrate(database, functions=release(dropped)) == [dropped.label]
        assert await migrate(database, functions=release(dropped)) == []
        assert await migrate(database) == []
        assert await admin.fetchval("select to_regproc('ledger.amount_text')") is None

    async def test_beside_a_newer_one_at_the_same_moment(self, database: str, admin: Any) -> None:
        newer = release(NEWER_TEXT)
        runs = [newer, find_functions(), newer, find_functions(), newer]
        applied = await asyncio.gather(*(migrate(database, functions=each) for each in runs))
        assert sorted(applied) == [[], [], [], [], [NEWER_TEXT.label]]
        assert await mode(admin) == "LIVE"


async def test_two_texts_of_one_revision_are_refused(database: str, admin: Any) -> None:
    theirs = revised(NAME, (OLD, NEW), by=0)
    with pytest.raises(
        InvariantViolated, match=rf"ledger\.mode_of \(revision {theirs.revision}\).*branches"
    ):
        await migrate(database, functions=release(theirs))
    assert await mode(admin) == "live"


async def test_a_function_that_a_migration_drops_is_created_again(
    database: str, admin: Any
) -> None:
    """As where the columns change that a view shows."""
    drop = "drop view ledger.provider_item;"
    migrations = [*find_migrations(), Migration("ledger", NEWER, drop)]
    before = await definitions(database, ["ledger"])
    assert await migrate(database, migrations) == [
        f"ledger/{NEWER}", shipped("ledger.provider_item").label,
    ]  # fmt: skip
    assert await definitions(database, ["ledger"]) == before


class TestAChangedSignature:
    """The former function stays for the processes that call it."""

    @pytest.mark.parametrize(
        ("name", "before", "after"),
        [
            (NAME, "mode_of(livemode boolean)", "mode_of(livemode boolean, shout boolean)"),
            ("ledger.sweep", "p_limit integer)", "p_most integer)"),
            ("ledger.sweep", "returns integer", "returns bigint"),
            ("ledger.head", "as block", "as block_number"),
            ("ledger.head", ", coalesce(b.block_id, 0) as block", ""),
        ],
    )
    async def test_is_refused_and_needs_a_new_name(
        self, database: str, name: str, before: str, after: str
    ) -> None:
        there = await definitions(database, ["ledger"])
        changed = revised(name, (before, after))
        with pytest.raises(InvariantViolated) as raised:
            await migrate(database, functions=release(changed))
        assert str(raised.value).startswith(f"{changed.label}: ")
        assert f"give the new one a new name ({changed.name}_2)" in str(raised.value)
        assert await definitions(database, ["ledger"]) == there
