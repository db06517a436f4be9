"""The statements in `sql/`, by name, and the shape of what they answer."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, cast

import asyncpg

from cift_shared.database import Pool
from cift_shared.envelope import OutgoingMessage

Row = Mapping[str, Any]

SQL: Mapping[str, str] = {
    entry.name.removesuffix(".sql"): entry.read_text("utf-8")
    for entry in (files("gateway") / "sql").iterdir()
    if entry.name.endswith(".sql")
}
"""Name of the file without its ending to its text."""


async def fetch_row(pool: "Pool[asyncpg.Record]", name: str, *args: Any) -> Row | None:
    """The one row of a statement, None when it has none."""
    return cast("Row | None", await pool.fetchrow(SQL[name], *args))


async def fetch_rows(pool: "Pool[asyncpg.Record]", name: str, *args: Any) -> Sequence[Row]:
    """Every row of a statement."""
    return cast("Sequence[Row]", await pool.fetch(SQL[name], *args))


def outbox_row(message: OutgoingMessage | None) -> tuple[Any, ...]:
    """A message as the columns of an outbox row: topic, key, headers, body; nulls for none."""
    if message is None:
        return None, None, None, None
    return message.topic, message.key, dict(message.headers), message.body
