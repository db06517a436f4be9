"""Load and run the SQL statements of the features; each feature has its own `sql/` folder."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, cast

import asyncpg

from cift_shared.database.pool import Pool

Row = Mapping[str, Any]


def load_statements(package: str) -> Mapping[str, str]:
    """Read the `sql/` folder of a package: the text of each file by its name without `.sql`."""
    return {
        entry.name.removesuffix(".sql"): entry.read_text("utf-8")
        for entry in (files(package) / "sql").iterdir()
        if entry.name.endswith(".sql")
    }


async def fetch_row(pool: "Pool[asyncpg.Record]", statement: str, *args: Any) -> Row | None:
    """Run a statement that returns at most one row; None when it returns none."""
    return cast("Row | None", await pool.fetchrow(statement, *args))


async def fetch_rows(pool: "Pool[asyncpg.Record]", statement: str, *args: Any) -> Sequence[Row]:
    """Run a statement and return every row."""
    return cast("Sequence[Row]", await pool.fetch(statement, *args))
