"""Running as an unprivileged user when we are root: PostgreSQL refuses to run as root.

The user is `nobody`, which exists everywhere, so nothing has to be created. What that user must
read or write may lie where it cannot go (a project under `/root`, mode 700): such things get a
place of their own below `SHARED_ROOT`.
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
"""Where root keeps what the unprivileged user must reach."""


@dataclass(frozen=True, slots=True)
class User:
    """An unprivileged user by its numbers."""

    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """Answers the `subprocess` options that drop to this user, all other groups left."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, path: Path) -> bool:
        """Tells whether this user gets as far as `path`, asked of the system itself."""
        test = ["/usr/bin/test", "-x", str(path)]
        return subprocess.run(test, check=False, cwd="/", **self.popen_options()).returncode == 0

    def own(self, path: Path) -> None:
        """Gives a file, or a folder and all in it, to this user; nothing when it has it."""
        if path.stat().st_uid == self.uid:
            return
        for inner in path.rglob("*"):
            os.chown(inner, self.uid, self.gid, follow_symlinks=False)
        os.chown(path, self.uid, self.gid)


def unprivileged_user() -> User | None:
    """Answers whom servers should run as: `nobody` when we are root, None when we are not."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_uid, entry.pw_gid)


def reachable_folder(wanted: Path, user: User | None) -> Path:
    """Answers `wanted`, or its stand-in below `SHARED_ROOT` where the user cannot reach it.

    The stand-in's name follows from the wanted path, so each project keeps its own data.
    """
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if user is None or user.can_enter(wanted.parent):
        return wanted
    digest = hashlib.sha256(str(wanted.resolve()).encode()).hexdigest()[:12]
    return _shared_root() / f"{wanted.name}-{digest}"


def reachable_copy(sources: list[Path], name: str, user: User | None) -> Path:
    """Answers the folder that holds `sources`, or a copy called `name` that the user can run."""
    original = sources[0].parent
    if user is None or all(user.can_enter(source) for source in sources):
        return original
    copy = _shared_root() / name
    if not copy.exists():
        half_done = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=copy.parent))
        for source in sources:
            shutil.copytree(source, half_done / source.name, symlinks=True)
        _let_all_read(half_done)
        half_done.rename(copy)  # all or nothing: nobody ever runs half a copy
    return copy


def _shared_root() -> Path:
    """Answers `SHARED_ROOT`, made and open to all whatever our umask is."""
    SHARED_ROOT.mkdir(parents=True, exist_ok=True)
    SHARED_ROOT.chmod(0o755)
    return SHARED_ROOT


def _let_all_read(top: Path) -> None:
    """Opens a tree for reading, and for running what its owner may run (`chmod a+rX`)."""
    for path in (top, *top.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
