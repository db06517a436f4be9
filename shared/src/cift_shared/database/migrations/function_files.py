"""The functions and views that a release ships: the current text of each, in a separate file.

A package that owns a schema has them in `functions/<area>/<name>.sql`, next to its `migrations/`.
A file has everything about its function: `create or replace`, settings, rights, comments. Its first
line states the revision of the text and a digest of the rest:

    -- revision: 3 0f5e9ab2c4d18876

`make functions` writes that line: a changed text gets the next revision. `cift migrate` replaces a
function only by a higher revision, so an older release never replaces a newer text.

A file whose statement is `drop function if exists` (or `drop view if exists`) removes the function.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise

from cift_shared.errors import InvariantViolated

_FIRST_LINE = re.compile(r"-- revision: ([1-9]\d*) ([0-9a-f]{16})\n")
_STATEMENT = re.compile(
    r"^(?:create or replace|(drop)) (?:function|view) (?:if exists )?(\w+\.\w+)", re.MULTILINE
)
_MADE = re.compile(r"^\s*create\s+(?:or\s+replace\s+)?(?:function|view)\b", re.MULTILINE)
_UNSEEN = re.compile(r"--[^\n]*|(\$\w*\$).*?\1", re.DOTALL)
"""Comments and quoted bodies: PostgreSQL resolves no names in them when it creates a function."""
_QUALIFIED = re.compile(r"\b[a-z_]\w*\.[a-z_]\w*")
_STEM = re.compile(r"([a-z_]\w*)\.sql")


@dataclass(frozen=True, slots=True)
class FunctionFile:
    """One file: the definition of one function or view."""

    schema: str
    name: str
    """Without the schema; the schema has only one function or view of that name."""
    revision: int
    digest: str
    """Digest of the text below the first line."""
    sql: str
    drops: bool = False
    """True if the file removes the function."""

    @property
    def full_name(self) -> str:
        """Schema and name, as in SQL."""
        return f"{self.schema}.{self.name}"

    @property
    def label(self) -> str:
        """The text shown to operators."""
        return f"{self.full_name} (revision {self.revision})"

    @property
    def needs(self) -> frozenset[str]:
        """Qualified names that must exist first: those outside comments and quoted bodies."""
        return frozenset(_QUALIFIED.findall(_UNSEEN.sub("", self.sql))) - {self.full_name}


def parse(schema: str, file: str, text: str) -> FunctionFile:
    """Parse one file.

    Raises:
        InvariantViolated: its first line does not match its text, or it is not about one function
            or view of the file's name.
    """
    where = f"{schema}: functions/.../{file}"
    stem, first = _STEM.fullmatch(file), _FIRST_LINE.match(text)
    if stem is None:
        raise InvariantViolated(f"{where}: the name must be the function's, in lower case")
    if first is None or first[2] != digest_of(text):
        raise InvariantViolated(
            f"{where}: its first line does not match its text: run `make functions`"
        )
    sql = text[first.end() :]
    stated = _STATEMENT.findall(sql)
    if [name for _, name in stated] != [f"{schema}.{stem[1]}"] or len(_MADE.findall(sql)) > 1:
        raise InvariantViolated(
            f"{where}: it must hold one `create or replace` (or one `drop ... if exists`) "
            f"of {schema}.{stem[1]}, and of nothing else"
        )
    return FunctionFile(schema, stem[1], int(first[1]), first[2], sql, drops=bool(stated[0][0]))


def digest_of(text: str) -> str:
    """Digest of a file's text, without the first line if that states a revision."""
    return hashlib.sha256(_FIRST_LINE.sub("", text, count=1).encode()).hexdigest()[:16]


def stamped(text: str) -> str:
    """The text with a first line that matches it: the next revision if the text has changed."""
    first = _FIRST_LINE.match(text)
    digest = digest_of(text)
    if first is not None and first[2] == digest:
        return text
    revision = int(first[1]) + 1 if first else 1
    return f"-- revision: {revision} {digest}\n{text[first.end() if first else 0 :]}"


@cache
def shipped_functions() -> tuple[FunctionFile, ...]:
    """`find_functions`, read once per process."""
    return tuple(find_functions())


def find_functions() -> list[FunctionFile]:
    """Every function and view of every installed package, in the order they must be created.

    Raises:
        InvariantViolated: a file is invalid, or two are about the same function.
    """
    return in_order(
        parse(schema, file.name, file.read_text("utf-8"))
        for schema, folder in function_folders()
        for file in sql_files(folder)
    )


def function_folders() -> list[tuple[str, Traversable]]:
    """The functions folder of each installed package that has one, with the name of its schema."""
    points = sorted(entry_points(group="cift.migrations"), key=lambda point: point.name)
    folders = [(p.name.partition("-")[2], files(p.module) / "functions") for p in points]
    return [(schema, folder) for schema, folder in folders if folder.is_dir()]


def sql_files(folder: Traversable) -> Iterator[Traversable]:
    """Every SQL file in a folder and in its subfolders."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from sql_files(entry)
        elif entry.name.endswith(".sql"):
            yield entry


def in_order(found: Iterable[FunctionFile]) -> list[FunctionFile]:
    """Sort files so that each follows those that it needs; the order is deterministic.

    Raises:
        InvariantViolated: two files are about one function, or files need each other.
    """
    every = sorted(found, key=lambda one: one.full_name)
    by_name = {one.full_name: one for one in every}
    if len(by_name) < len(every):
        twice = next(a.full_name for a, b in pairwise(every) if a.full_name == b.full_name)
        raise InvariantViolated(f"two files are about {twice}")
    try:
        names = TopologicalSorter(
            {one.full_name: sorted(one.needs & by_name.keys()) for one in every}
        ).static_order()
        return [by_name[name] for name in names]
    except CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise InvariantViolated(f"functions need each other: {cycle}") from error
