"""Drop root privileges: run a program as an unprivileged user, because PostgreSQL refuses root.

The user is `nobody`, which exists everywhere, so no user has to be created. Files that this user
must read or write may be in a folder that it can't enter (a project under `/root`, mode 700). Such
files are stored below `SHARED_ROOT` instead.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHARED_ROOT = Path("/var/lib/cift-payments")
"""The folder in which root stores files that the unprivileged user must reach."""


@dataclass(frozen=True, slots=True)
class User:
    """An unprivileged user, by its user id and group id."""

    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """Return the `subprocess` options that switch to this user and drop all other groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, path: Path) -> bool:
        """Return True when this user can enter `path`; the operating system checks it."""
        test = ["/usr/bin/test", "-x", str(path)]
        return subprocess.run(test, check=False, cwd="/", **self.popen_options()).returncode == 0

    def chown(self, path: Path) -> None:
        """Make this user the owner of a file, or of a folder with its contents."""
        if path.stat().st_uid == self.uid:
            return
        for inner in path.rglob("*"):
            os.chown(inner, self.uid, self.gid, follow_symlinks=False)
        os.chown(path, self.uid, self.gid)


def unprivileged_user() -> User | None:
    """Return the user for servers: `nobody` when we are root, None when we are not."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_uid, entry.pw_gid)


def reachable_folder(preferred: Path, user: User | None) -> Path:
    """Return `preferred`, or a substitute below `SHARED_ROOT` if the user can't reach it.

    The substitute's name is derived from the preferred path, so each project has its own data.
    """
    preferred.parent.mkdir(parents=True, exist_ok=True)
    if user is None or user.can_enter(preferred.parent):
        return preferred
    digest = hashlib.sha256(str(preferred.resolve()).encode()).hexdigest()[:12]
    return _shared_root() / f"{preferred.name}-{digest}"


def reachable_copy(sources: list[Path], name: str, user: User | None) -> Path:
    """Return the folder that contains `sources`, or a copy called `name` that the user can run."""
    original = sources[0].parent
    if user is None or all(user.can_enter(source) for source in sources):
        return original
    copy = _shared_root() / name
    if not copy.exists():
        incomplete = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=copy.parent))
        for source in sources:
            shutil.copytree(source, incomplete / source.name, symlinks=True)
        _make_readable(incomplete)
        incomplete.rename(copy)  # atomic: no process ever runs an incomplete copy
    return copy


def _shared_root() -> Path:
    """Return `SHARED_ROOT`, created if missing, and readable by all users whatever our umask is."""
    SHARED_ROOT.mkdir(parents=True, exist_ok=True)
    SHARED_ROOT.chmod(0o755)
    return SHARED_ROOT


def _make_readable(top: Path) -> None:
    """Let all users read a tree, and execute what its owner may execute (`chmod a+rX`)."""
    for path in (top, *top.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
