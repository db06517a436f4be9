"""The functions and views of a database, as PostgreSQL describes them."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

Definition = tuple[Any, ...]
"""Text, settings, owner, rights, comment."""

_FUNCTIONS = """
select n.nspname || '.' || p.proname as name, pg_get_functiondef(p.oid), p.proconfig,
    pg_get_userbyid(p.proowner),
    (select array_agg(one::text order by one::text) from unnest(p.proacl) one),
    obj_description(p.oid, 'pg_proc')
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname = any ($1::text[])
"""
_VIEWS = """
select n.nspname || '.' || c.relname as name, pg_get_viewdef(c.oid), c.reloptions,
    pg_get_userbyid(c.relowner),
    (select array_agg(one::text order by one::text) from unnest(c.relacl) one),
    obj_description(c.oid, 'pg_class')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any ($1::text[]) and c.relkind = 'v'
"""


async def definitions(dsn: str, schemas: Sequence[str]) -> Mapping[str, Definition]:
    """Every function and view of these schemas by its qualified name.

    Raises:
        AssertionError: two functions have one name.
    """
    connection = await asyncpg.connect(dsn)
    try:
        rows = [
            *await connection.fetch(_FUNCTIONS, list(schemas)),
            *await connection.fetch(_VIEWS, list(schemas)),
        ]
    finally:
        await connection.close()
    found = {row["name"]: tuple(row.values())[1:] for row in rows}
    assert len(found) == len(rows)
    return found
