"""Named places where a crash could matter; free when off.

`CIFT_FAILPOINT=worker.after_call:2` kills the process with SIGKILL the second time it comes by.
With `CIFT_FAILPOINT_MARK=<file>` it happens once in all: the process that makes the file dies, and
the one that takes its place finds the file and lives.
"""

import os
import signal
from pathlib import Path

_NAME, _, _NTH = os.environ.get("CIFT_FAILPOINT", "").partition(":")
_MARK = os.environ.get("CIFT_FAILPOINT_MARK")
_passes_left = int(_NTH or "1")


def failpoint(name: str) -> None:
    """Die here, as if the power went, when the environment names this place."""
    global _passes_left  # noqa: PLW0603  one counter for the process is the point
    if name != _NAME:
        return
    _passes_left -= 1
    if _passes_left == 0 and _is_first():
        os.kill(os.getpid(), signal.SIGKILL)


def _is_first() -> bool:
    if _MARK is None:
        return True
    try:
        Path(_MARK).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
