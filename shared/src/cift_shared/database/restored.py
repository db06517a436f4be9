"""Note that a database was restored to an earlier moment: providers may know more than it does.

What was sent between that moment and the loss is missing from the tables. So every attempt that
looks unsent, and every command that was accepted before the note, is treated as one whose process
died during the call: it may have been sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

TABLE = """
create table if not exists public.cift_restored (
    restored_to timestamptz not null,
    noted_at    timestamptz not null default now()
);
grant select on public.cift_restored to public;
"""
MARK = "restored"
"""Field of an attempt's memory: a restore may have lost that the attempt was sent. Set here, and by
the statement that stores new commands."""

SKIPPED_INDICES = 10_000
"""How many indices of a wallet are left unused: more than were given out in the lost time, so that
no address of the lost time is given to another payer."""

_NOTE = "insert into public.cift_restored (restored_to) values ($1)"
_SCHEMAS_WITH = """
select quote_ident(n.nspname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relname = $1 and c.relkind = 'r' and n.nspname in
    (select schema_name from public.cift_migration)
order by 1
"""
_MARK_UNSENT = """
update {schema}.attempt
set state = 'sending', maybe_sent = true, memory = memory || '{{"restored": "yes"}}',
    lease = lease + 1, lease_owner = null, next_check_at = now(), updated_at = now()
where state in ('ready', 'sending') and request is not null
"""
_SKIP = "update {schema}.{counter} set next_index = next_index + $1"
_COUNTERS = ("address_counter", "change_counter")

Connection = asyncpg.Connection


@dataclass(frozen=True, slots=True)
class Noted:
    """What a note has changed."""

    maybe_sent: dict[str, int]
    """The number of attempts that may have been sent in the lost time, by schema."""
    skipped: Sequence[str]
    """The counters of wallet indices that were moved on."""


async def note_restored(connection: "Connection[asyncpg.Record]", to: datetime) -> Noted:
    """Note that the database was restored to a moment; all services must be stopped.

    Args:
        connection: a login that owns the workers' schemas.
        to: the moment that the database was restored to.
    """
    async with connection.transaction():
        await connection.execute(_NOTE, to)
        marked = {}
        for schema in await _schemas_with(connection, "attempt"):
            done = await connection.execute(_MARK_UNSENT.format(schema=schema))
            marked[schema] = int(done.split()[-1])
        skipped = []
        for counter in _COUNTERS:
            for schema in await _schemas_with(connection, counter):
                await connection.execute(
                    _SKIP.format(schema=schema, counter=counter), SKIPPED_INDICES
                )
                skipped.append(f"{schema}.{counter}")
    return Noted(marked, skipped)


async def _schemas_with(connection: "Connection[asyncpg.Record]", table: str) -> list[str]:
    return [row[0] for row in await connection.fetch(_SCHEMAS_WITH, table)]
