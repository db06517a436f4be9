"""Identify a process of a machine, so that another process can detect that it is dead.

A mark is `<boot id>/<pid namespace>/<pid>/<start time>`, from Linux's `/proc`
(https://man7.org/linux/man-pages/man5/proc.5.html). Other systems have no marks, so a dead process
is not detected there.
"""

import os
from pathlib import Path

_PROC = Path("/proc")
_STARTED_AT = 19
"""Position of the start time (clock ticks since boot) in `stat`, after the program's name."""


def own_mark() -> str | None:
    """The mark of this process; None where the system has no `/proc`."""
    return mark_of(os.getpid())


def mark_of(pid: int) -> str | None:
    """The mark of a running process; None: this process can see no such process."""
    try:
        place = f"{_boot_id()}/{(_PROC / 'self/ns/pid').readlink()}"
        state, *fields = (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # a zombie has already ended; only its parent has not yet read its exit status
    return None if state in "ZX" else f"{place}/{pid}/{fields[_STARTED_AT - 1]}"


def is_dead(mark: str | None) -> bool:
    """True when the process of this mark has certainly ended; False: it runs, or it is unknown.

    Only a process of this machine and of this process's own pid namespace can be checked. A
    namespace's number is used again only once every process in that namespace has ended.
    """
    own = own_mark()
    if mark is None or own is None:
        return False
    place, pid, _ = mark.rsplit("/", 2)
    return place == own.rsplit("/", 2)[0] and mark_of(int(pid)) != mark


def _boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
