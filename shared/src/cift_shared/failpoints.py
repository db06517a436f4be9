"""Named places where a crash could matter; free when off.

`CIFT_FAILPOINT_FILE=<path>` at the start of a process turns them on. Each pass then looks at that
file: its text `name` kills the process at the next pass of that place, `name:3` at the third from
now on, with SIGKILL, as if the power went. Who dies takes the file away first, so of all processes
that share it exactly one dies, once; and place after place can be armed without a restart.
"""

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from cift_shared.log import get_logger
from cift_shared.settings import FAILPOINT_FILE

_ARMED = re.compile(r"([a-z_]+\.[a-z_]+)(?::([1-9][0-9]{0,5}))?")

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Arming:
    """One writing of the file: the same words written again are another one."""

    inode: int
    written_ns: int
    text: str


class FailpointFile:
    """The file that arms one place at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arming: _Arming | None = None
        self._passes = 0

    def pass_by(self, name: str) -> None:
        """Die here when this is the armed pass; words that name no pass are told once, no more."""
        arming = self._read()
        if arming is None:
            return
        is_new = arming != self._arming
        if is_new:
            self._arming, self._passes = arming, 0
        armed = _ARMED.fullmatch(arming.text)
        if armed is None:
            if is_new:
                log.warning("failpoint.unreadable", file=str(self._path))
            return
        if armed[1] != name:
            return
        self._passes += 1
        if self._passes == int(armed[2] or 1) and self._take():
            log.warning("failpoint.reached", name=name)
            os.kill(os.getpid(), signal.SIGKILL)

    def _read(self) -> _Arming | None:
        try:
            with self._path.open("rb") as file:
                state = os.fstat(file.fileno())
                text = file.read(200).decode(errors="replace").strip()
        except OSError:
            return None
        return _Arming(state.st_ino, state.st_mtime_ns, text)

    def _take(self) -> bool:
        """Remove the file; False when another process was faster."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def _from_environment() -> FailpointFile | None:
    path = os.environ.get(FAILPOINT_FILE)
    return FailpointFile(Path(path)) if path else None


_FILE = _from_environment()


def failpoint(name: str) -> None:
    """Die here, as if the power went, when the file names this place: `<where>.<moment>`."""
    if _FILE is not None:
        _FILE.pass_by(name)
