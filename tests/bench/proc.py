"""What processes cost, by Linux's own books: CPU time and memory."""

import os
from pathlib import Path

import psutil

PROC = Path("/proc")
_TICK_MS = 1_000 / os.sysconf("SC_CLK_TCK")
_USER, _CHILDREN_END = 11, 15  # utime, stime, cutime, cstime: proc(5), counted after the name


def cpu_ms(pid: int) -> float:
    """CPU milliseconds that a process and its ended children have used; 0: it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[_USER:_CHILDREN_END])) * _TICK_MS


def family(pid: int) -> list[int]:
    """A process and its children."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.Error:
        return [pid]


def pss_mb(pid: int) -> float:
    """Memory of a process in MiB, what it shares divided by those who share it (PSS)."""
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Pss":
            return int(value.split()[0]) / 1024
    raise ValueError(f"no Pss of process {pid}")
