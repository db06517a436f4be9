"""The numbered SQL migrations that a release ships, and the oldest code that each supports.

Every package that owns a schema registers its folder of `NNNN_name.sql` files by an entry point of
the group `cift.migrations`; the entry point's name starts with a number that orders the schemas
("10-ledger", "20-gateway"). An include line (`_INCLUDE`) inserts SQL that several schemas share
(the attempt tables of the workers).

A migration after which older code does not work is marked by a comment line:

    -- needs-code-of: 0022

Code that ships file 0022 of the schema, or a later one, works on the schema after this migration;
older code does not. Without the line all code works: the migration only adds. `cift migrate` stores
the number with the file's name, so that old code, which does not have the file, can read it.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files

from cift_shared.errors import InvariantViolated

_INCLUDE = re.compile(r"^\\include (\S+) (\S+)$", re.MULTILINE)
_NUMBER = re.compile(r"(\d{4})_\w+\.sql")
_MARK = re.compile(r"^--\s*needs-code-of\b(.*)$", re.MULTILINE)
_MARK_VALUE = re.compile(r": (\d{4})")


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file."""

    schema: str
    file: str
    sql: str

    @property
    def name(self) -> str:
        """Schema and file, as shown to operators."""
        return f"{self.schema}/{self.file}"

    @property
    def sha256(self) -> str:
        """Checksum of the text, which reveals that an applied file was edited."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def needs_code_of(self) -> str | None:
        """Number of the file that code must ship to work after this one; None: any code works.

        Raises:
            InvariantViolated: the mark is malformed, or names a later file than this one.
        """
        marks = _MARK.findall(self.sql)
        if not marks:
            return None
        value = _MARK_VALUE.fullmatch(marks[0].rstrip()) if len(marks) == 1 else None
        if value is None or value[1] > number_of(self.file):
            raise InvariantViolated(f"{self.name}: its mark must be `-- needs-code-of: NNNN`, once")
        return value[1]


def number_of(file: str) -> str:
    """The number at the start of a file's name.

    Raises:
        InvariantViolated: the name is not `NNNN_name.sql`.
    """
    named = _NUMBER.fullmatch(file)
    if named is None:
        raise InvariantViolated(f"{file}: a migration is named NNNN_name.sql")
    return named[1]


@cache
def shipped_migrations() -> tuple[Migration, ...]:
    """`find_migrations`, read once per process."""
    return tuple(find_migrations())


def find_migrations() -> list[Migration]:
    """Every migration of every installed package, in the order they must run."""
    found = []
    for point in sorted(entry_points(group="cift.migrations"), key=lambda point: point.name):
        folder = files(point.module) / "migrations"
        sql_files = sorted(
            (entry for entry in folder.iterdir() if entry.name.endswith(".sql")),
            key=lambda entry: entry.name,
        )
        schema = point.name.partition("-")[2]
        found += [
            Migration(schema, entry.name, _with_includes(entry.read_text("utf-8")))
            for entry in sql_files
        ]
    return found


def _with_includes(sql: str) -> str:
    """The text, with every include line replaced by the file that it names."""
    return _INCLUDE.sub(lambda match: (files(match[1]) / match[2]).read_text("utf-8"), sql)
