"""Compare a database's schemas and functions with a release: what is missing, what is newer.

Readiness, `cift doctor` and `cift migrate` use the result.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cift_shared.database.migrations.files import (
    Migration,
    number_of,
    shipped_migrations,
)
from cift_shared.database.migrations.function_files import (
    FunctionFile,
    shipped_functions,
)
from cift_shared.database.pool import Connection

_APPLIED = """
select schema_name, file_name, sha256, to_jsonb(m)->>'needs_code_of' as needs_code_of
from public.cift_migration m
"""
"""Also works on a table of an older release, which has no column `needs_code_of` yet."""
_FUNCTIONS = "select schema_name, function_name, revision, digest from public.cift_function"


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of the database's migration history."""

    schema: str
    file: str
    sha256: str
    needs_code_of: str | None

    @property
    def name(self) -> str:
        """Schema and file, as shown to operators."""
        return f"{self.schema}/{self.file}"


@dataclass(frozen=True, slots=True)
class AppliedFunction:
    """Revision and digest of one function or view that the database has."""

    schema: str
    name: str
    revision: int
    digest: str

    @property
    def full_name(self) -> str:
        """Schema and name, as in SQL."""
        return f"{self.schema}.{self.name}"

    @property
    def label(self) -> str:
        """The text shown to operators."""
        return f"{self.full_name} (revision {self.revision})"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """A database's schemas compared with what this release ships.

    Migrations are named schema/file, functions schema.name and revision.
    """

    missing: tuple[str, ...] = ()
    """Shipped but not applied."""
    ahead: tuple[str, ...] = ()
    """Applied but not shipped: from a newer release, and this code works with it."""
    incompatible: tuple[str, ...] = ()
    """Applied but not shipped, and marked as needing newer code than this."""

    @property
    def fits(self) -> bool:
        """True when this release can work on the database."""
        return not self.missing and not self.incompatible

    def __str__(self) -> str:
        """The state, in plain words."""
        if self.incompatible:
            return (
                f"the database needs a newer release than this, since {_first(self.incompatible)}"
            )
        if self.missing:
            return f"the database lacks {_first(self.missing)}: run `cift migrate` of this release"
        return "the database fits this release"


async def schema_state(
    connection: Connection,
    shipped: Iterable[Migration] | None = None,
    *,
    schemas: Collection[str] | None = None,
    functions: Iterable[FunctionFile] | None = None,
) -> SchemaState:
    """Compare a database with what this release ships, by a few short queries.

    Args:
        connection: any session; every role may read the history.
        shipped: the release's migrations; None: those of all installed packages.
        schemas: compare only these; None: all.
        functions: the release's functions; None: those of all installed packages.

    Raises:
        asyncpg.PostgresError: the history can't be read.
    """
    migrations = shipped_migrations() if shipped is None else shipped
    texts = shipped_functions() if functions is None else functions
    return compare_all(
        [one for one in migrations if schemas is None or one.schema in schemas],
        [one for one in texts if schemas is None or one.schema in schemas],
        await history(connection),
        await function_history(connection),
    )


def compare_all(
    shipped: Sequence[Migration],
    functions: Sequence[FunctionFile],
    applied: Sequence[Applied],
    known: Sequence[AppliedFunction],
) -> SchemaState:
    """The state of schemas and functions together."""
    state = compare(shipped, applied)
    missing, newer = compare_functions(functions, known, set(newest_numbers(shipped)))
    return replace(state, missing=state.missing + missing, ahead=state.ahead + newer)


def compare_functions(
    shipped: Sequence[FunctionFile], known: Sequence[AppliedFunction], schemas: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Functions that the database lacks at their revision, and those of a newer release.

    A function that this release does not ship counts only if its schema is in `schemas`.
    """
    in_database = {one.full_name: one.revision for one in known}
    ours = {one.full_name: one.revision for one in shipped}
    missing = [one.label for one in shipped if in_database.get(one.full_name, 0) < one.revision]
    newer = [
        one.label
        for one in known
        if one.revision > ours.get(one.full_name, 0) and one.schema in schemas
    ]
    return tuple(missing), tuple(sorted(newer))


def compare(shipped: Sequence[Migration], applied: Sequence[Applied]) -> SchemaState:
    """Compare migrations; schemas for which this release ships no migration are ignored."""
    newest = newest_numbers(shipped)
    in_database = {row.name for row in applied}
    ours = {migration.name for migration in shipped}
    unknown = [row for row in applied if row.schema in newest and row.name not in ours]
    refused = [row.name for row in unknown if (row.needs_code_of or "") > newest[row.schema]]
    return SchemaState(
        missing=tuple(m.name for m in shipped if m.name not in in_database),
        ahead=tuple(sorted(row.name for row in unknown if row.name not in refused)),
        incompatible=tuple(sorted(refused)),
    )


async def history(connection: Connection) -> list[Applied]:
    """All migrations ever applied, by any release; empty before the first `cift migrate`."""
    if await connection.fetchval("select to_regclass('public.cift_migration')") is None:
        return []
    return [Applied(*row.values()) for row in await connection.fetch(_APPLIED)]


async def function_history(connection: Connection) -> list[AppliedFunction]:
    """The newest revision of each function; empty before a release with such files has migrated."""
    if await connection.fetchval("select to_regclass('public.cift_function')") is None:
        return []
    return [AppliedFunction(*row.values()) for row in await connection.fetch(_FUNCTIONS)]


def changed_functions(
    shipped: Sequence[FunctionFile], known: Sequence[AppliedFunction]
) -> list[str]:
    """Shipped functions whose text differs from the database's under the same revision."""
    in_database = {(one.full_name, one.revision): one.digest for one in known}
    return [
        one.label
        for one in shipped
        if in_database.get((one.full_name, one.revision), one.digest) != one.digest
    ]


def changed_after(shipped: Sequence[Migration], applied: Sequence[Applied]) -> list[str]:
    """Shipped files whose text differs from the one that was applied under their name."""
    known = {row.name: row.sha256 for row in applied}
    return [m.name for m in shipped if m.name in known and known[m.name] != m.sha256]


def newest_numbers(shipped: Sequence[Migration]) -> Mapping[str, str]:
    """The newest number of each schema."""
    found: dict[str, str] = {}
    for migration in shipped:
        number = number_of(migration.file)
        found[migration.schema] = max(number, found.get(migration.schema, number))
    return found


def _first(names: Sequence[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
