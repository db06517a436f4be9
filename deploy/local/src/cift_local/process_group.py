"""Child processes that end with their owner.

Every child runs in its own session, so Ctrl-C at the terminal reaches only the owner, which then
stops its children in order. When the owner is ended by `kill -9`, Linux sends each child its stop
signal (`PR_SET_PDEATHSIG`). On other systems the next start ends the remaining processes.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cift_local.privilege_drop import User

_PR_SET_PDEATHSIG = 1
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """One program to run: its command, its user, and the file for its output.

    Attributes:
        name: Short name, for messages.
        argv: The command line; `argv[0]` is a path or found on PATH.
        log: File for standard output and error, unchanged, colours included.
        env: Variables in addition to the owner's environment.
        cwd: Working folder; None: the owner's.
        user: The user to run as, which needs root; None: the owner's user.
        stop_signal: The signal for a clean end; also sent when the owner ends.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM

    def popen_options(self) -> dict[str, Any]:
        """Return the keyword options, which are the same for `subprocess` and `asyncio`."""
        options: dict[str, Any] = {
            "env": {**os.environ, **self.env},
            "cwd": self.cwd,
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            "start_new_session": True,
            "preexec_fn": _end_with_owner(os.getpid(), self.stop_signal),
        }
        if self.user is not None:
            options |= self.user.popen_options()
        return options


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start the program and return its process.

    Call it from a thread that runs as long as the child should: Linux sends the stop signal when
    the *thread* that forked ends, so don't call it from a pool worker.
    """
    with open_log(program.log) as log:
        return subprocess.Popen(program.argv, stdout=log, **program.popen_options())


def end(process: subprocess.Popen[bytes], stop_signal: signal.Signals, timeout_s: float) -> int:
    """Send the stop signal, kill the process after `timeout_s` seconds, return its exit code."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def open_log(path: Path) -> Any:
    """Open a log file for appending and create its folder; the caller closes the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def keep_previous_log(path: Path) -> None:
    """Rename the log of the previous run to `<name>.1`."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.1"))


def log_tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a log, for an error message."""
    if not path.exists():
        return "(no log)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _end_with_owner(owner: int, stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Return the function that the child runs between fork and exec; None except on Linux."""
    if _PRCTL is None:
        return None

    def set_parent_death_signal() -> None:
        _PRCTL(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != owner:  # the owner ended between fork and prctl: no signal follows
            os._exit(1)

    return set_parent_death_signal
