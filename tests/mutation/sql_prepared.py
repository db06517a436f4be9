"""Changed queries that PostgreSQL takes with the arguments of the unchanged ones.

A change that it refuses, or that no longer takes an argument, would fail in every test: nobody
would have noticed what it does.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence

import asyncpg

from bitcoin_watcher.chain_store import TABLES as BITCOIN
from ethereum_watcher.chain_store import TABLES as ETHEREUM
from tests.mutation.equivalents import ListBroken

_SCHEMAS = ("bitcoin_signer", "mpesa", "mtn_momo")
"""Of tables that several schemas have."""


async def completed(
    connection: "asyncpg.Connection[asyncpg.Record]", old: str, new: str
) -> str | None:
    """The changed text with every argument of the old one; None: PostgreSQL refuses it.

    Raises:
        ListBroken: PostgreSQL refuses the unchanged text.
    """
    changed = _filled(new)
    for text in _filled(old):
        next_changed = next(changed)
        types = await _types(connection, text)
        if types is not None:
            extra = _unused(next_changed, types)
            found = await _types(connection, _added(extra, next_changed))
            return _added(extra, new) if found == types else None
    raise ListBroken(f"no schema has what this query reads: {old}")


def _filled(text: str) -> Iterator[str]:
    """The query with the names of each schema that may have its tables."""
    if "{" not in text:
        yield text
        return
    yield BITCOIN.sql(text)
    yield ETHEREUM.sql(text)
    for schema in _SCHEMAS:
        with contextlib.suppress(KeyError):
            yield text.format(schema=schema)


async def _types(connection: "asyncpg.Connection[asyncpg.Record]", text: str) -> list[str] | None:
    """The types of a query's arguments; None: PostgreSQL refuses it."""
    try:
        prepared = await connection.prepare(text)
    except asyncpg.PostgresError:
        return None
    return [
        f"{one.name}" if one.schema == "pg_catalog" else f"{one.schema}.{one.name}"
        for one in prepared.get_parameters()
    ]


def _unused(text: str, types: Sequence[str]) -> str:
    used = {int(number) for number in re.findall(r"\$(\d+)", text)}
    lacking = [number for number in range(1, len(types) + 1) if number not in used]
    return ", ".join(f"${number}::{types[number - 1]}" for number in lacking)


def _added(arguments: str, text: str) -> str:
    """The query with arguments that it does not use."""
    if not arguments:
        return text
    rest = text.strip()
    following = f", {rest[5:]}" if rest.startswith("with ") else f" {rest}"
    return f"with unused as (select {arguments}){following}"
