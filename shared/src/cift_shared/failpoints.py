"""Fail points: named places at which a test can kill the process; they cost nothing when off.

`CIFT_FAILPOINT_FILE=<path>` at the start of a process turns them on. Each pass of a fail point then
reads that file: the text `name` kills the process at the next pass of that fail point, `name:3` at
the third pass from now on, with SIGKILL, like a power failure. The process removes the file first,
so exactly one of the processes that share the file is killed, once. A test can arm one fail point
after another without a restart.
"""

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from cift_shared.observability.log import get_logger
from cift_shared.settings import FAILPOINT_FILE

_ARMED = re.compile(r"([a-z_]+\.[a-z_]+)(?::([1-9][0-9]{0,5}))?")

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Arming:
    """One version of the file: the same text written again is another version."""

    inode: int
    written_ns: int
    text: str


class FailpointFile:
    """The file that arms one fail point at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arming: _Arming | None = None
        self._passes = 0

    def pass_by(self, name: str) -> None:
        """Kill the process if this is the armed pass; an unreadable text is logged only once."""
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
        """Remove the file; False when another process has removed it first."""
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
    """Kill the process here, like a power failure, if the file names `<where>.<moment>`."""
    if _FILE is not None:
        _FILE.pass_by(name)
