"""One migrated database for many tests: emptied before each of them instead of copied.

A copy of the migrated template costs 0.4 s of processor time; deleting the rows of the few tables
that have some costs 0.01 s. Only rows are undone: triggers note every other change, and then the
next test gets a new copy.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from tests.support.postgres import PgServer

_FILLED = (
    "public.cift_migration", "public.cift_function", "ledger.currency", "ledger.account_kind",
    "ledger.payment_transition", "ledger.operator_transition", "ledger.input_kind",
)  # fmt: skip
"""The tables that have rows after the migrations: a change of these is not undone either."""

PROBE = "probe"
"""The schema that a test may create in such a database; it is dropped before the next test."""

_INSTALL = f"""
create schema test_support;
create table test_support.schema_change (tag text not null);

create function test_support.note_change() returns event_trigger
language plpgsql security definer set search_path = '' as $$
begin
    if tg_event = 'ddl_command_end' and not exists (
        select from pg_catalog.pg_event_trigger_ddl_commands() done
        where coalesce(done.schema_name, done.object_identity, '') <> '{PROBE}'
    ) then
        return;
    end if;
    insert into test_support.schema_change values (tg_tag);
end
$$;

create function test_support.empty() returns void
language plpgsql set search_path = '' as $$
declare
    item record;
    filled boolean;
begin
    -- the guards of the ledger refuse to delete; event triggers rest as well
    set local session_replication_role = replica;
    drop schema if exists {PROBE} cascade;
    for item in
        select format('%I.%I', nspname, relname) as name
        from pg_catalog.pg_class relation join pg_catalog.pg_namespace n on n.oid = relnamespace
        where relkind = 'r' and nspname in (select schema_name from public.cift_migration)
        and format('%s.%s', nspname, relname)
            <> all (array[{", ".join(f"'{table}'" for table in _FILLED)}])
    loop
        execute 'select exists (select from ' || item.name || ')' into filled;
        if filled then
            execute 'delete from ' || item.name;
        end if;
    end loop;
    for item in
        select format('%I.%I', schemaname, sequencename) as name
        from pg_catalog.pg_sequences where last_value is not null
    loop
        execute 'alter sequence ' || item.name || ' restart';
    end loop;
end
$$;

create event trigger note_change on ddl_command_end execute function test_support.note_change();
create event trigger note_drop on sql_drop execute function test_support.note_change();

create function test_support.note_rows() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into test_support.schema_change values (tg_table_name);
    return null;
end
$$;

do $$
declare
    filled text;
begin
    foreach filled in array array[{", ".join(f"'{table}'" for table in _FILLED)}]
    loop
        execute format(
            'create trigger note_rows after insert or update or delete or truncate on %s'
            ' for each statement execute function test_support.note_rows()', filled);
        execute format('alter table %s enable always trigger note_rows', filled);
    end loop;
end
$$;
delete from test_support.schema_change;
"""
_END_OTHERS = """
select pg_terminate_backend(pid, 10000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""
_UNCHANGED = "select not exists (select from test_support.schema_change)"
EMPTY = "select test_support.empty()"
"""Empties the database of the connection, for a test that does so itself between its examples."""


@dataclass
class ReusedDatabase:
    """Hands out one database again and again; makes a new one after a change of its schema."""

    server: PgServer
    template: str
    name: str | None = None

    async def emptied(self) -> str:
        """The address of a migrated database without rows; ends every connection to it."""
        if self.name is None or not await self._empty():
            await self.drop()
            self.name = await self.server.create("cift_reused", template=self.template)
            async with self._connected() as connection:
                await connection.execute(_INSTALL)
        return self.server.address(self.name)

    async def drop(self) -> None:
        """Drops the database, if there is one."""
        if self.name is not None:
            await self.server.drop(self.name)
        self.name = None

    async def _empty(self) -> bool:
        """Deletes the rows; False when a test has changed more than rows."""
        async with self._connected() as connection:
            await connection.execute(_END_OTHERS)
            await connection.execute(EMPTY)
            return bool(await connection.fetchval(_UNCHANGED))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        connection = await asyncpg.connect(self.server.address(str(self.name)))
        try:
            yield connection
        finally:
            await connection.close()
