"""Compare a rebuilt ledger with the original ledger, row by row.

`sql/compare.sql` defines the rows and columns to compare. It leaves out the entries: they are equal
when both hash chains have the same head.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib.resources import files

from ledger.chain.hash_chain import Connection

EXAMPLES_MAX = 5
ROWS_A_READ = 1_000

Row = tuple[str, str]
"""The key of a row, and its compared columns as JSON."""

_HEADING = re.compile(r"^-- compare: (?P<name>[a-z_]+)\n", re.MULTILINE)


@dataclass(slots=True)
class Figure:
    """The result of comparing one kind of rows."""

    name: str
    rows: int = 0
    """Number of rows in the original ledger."""
    differences: int = 0
    examples: list[str] = field(default_factory=list)

    def differ(self, example: str) -> None:
        """Count a difference; the first `EXAMPLES_MAX` are stored as examples."""
        self.differences += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(example)


def load_comparisons() -> dict[str, str]:
    """The comparison queries, by the name of what they compare."""
    text = (files("ledger.chain") / "sql" / "compare.sql").read_text("utf-8")
    _, *parts = _HEADING.split(text)
    return {
        name: query.strip().rstrip(";") for name, query in zip(parts[::2], parts[1::2], strict=True)
    }


async def compare(original: Connection, rebuilt: Connection) -> list[Figure]:
    """Run every comparison; both connections must be in a transaction."""
    return [
        await _compare(name, _rows(original, query), _rows(rebuilt, query))
        for name, query in load_comparisons().items()
    ]


async def _compare(name: str, original: AsyncIterator[Row], rebuilt: AsyncIterator[Row]) -> Figure:
    """Read both sides in the order of their keys and compare the rows of each key."""
    figure = Figure(name)
    here, there = await anext(original, None), await anext(rebuilt, None)
    while here or there:
        key = min(row[0] for row in (here, there) if row)
        ours = here[1] if here and here[0] == key else None
        theirs = there[1] if there and there[0] == key else None
        if ours is None or theirs is None:
            figure.differ(f"{key}: {'only rebuilt' if ours is None else 'not rebuilt'}")
        elif ours != theirs:
            figure.differ(f"{key}: {difference(ours, theirs)}")
        if ours is not None:
            figure.rows += 1
            here = await anext(original, None)
        if theirs is not None:
            there = await anext(rebuilt, None)
    return figure


def difference(ours: str, theirs: str) -> str:
    """What differs: for JSON objects only the names of fields, as values may be personal data."""
    here, there = json.loads(ours), json.loads(theirs)
    if isinstance(here, dict):
        names = sorted(
            name for name in here.keys() | there.keys() if here.get(name) != there.get(name)
        )
        return ", ".join(names)
    return f"{ours}, rebuilt: {theirs}"


async def _rows(connection: Connection, query: str) -> AsyncIterator[Row]:
    async for row in connection.cursor(query, prefetch=ROWS_A_READ):
        yield row["key"], row["facts"]
