"""Named places where a crash could matter; free when off.

`CIFT_FAILPOINT=worker.after_call:2` kills the process with SIGKILL the second time it comes by.
"""

import os
import signal

_NAME, _, _NTH = os.environ.get("CIFT_FAILPOINT", "").partition(":")
_passes_left = int(_NTH or "1")


def failpoint(name: str) -> None:
    """Die here, as if the power went, when the environment names this place."""
    global _passes_left  # noqa: PLW0603  one counter for the process is the point
    if name != _NAME:
        return
    _passes_left -= 1
    if _passes_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
