"""Child processes that end with their owner.

Every child runs in a session of its own, so Ctrl-C at the terminal reaches only the owner, which
then stops its children in order. When the owner dies without a word (`kill -9`), Linux sends each
child its stop signal (`PR_SET_PDEATHSIG`). Elsewhere the next start clears away what was left.
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

from cift_local.users import User

_PR_SET_PDEATHSIG = 1
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """One program to run: what, as whom, and where its output goes.

    Attributes:
        name: Short name, for messages.
        argv: The command line; `argv[0]` is a path or found on PATH.
        log: File that takes standard output and error as they come, colours included.
        env: Variables on top of the owner's environment.
        cwd: Working folder, the owner's when absent.
        user: Whom to run as; needs root. Absent: as ourselves.
        stop_signal: The signal that asks for a clean end, sent too when the owner dies.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM

    def popen_options(self) -> dict[str, Any]:
        """Answers the keyword options that `subprocess` and `asyncio` take alike."""
        options: dict[str, Any] = {
            "env": {**os.environ, **self.env},
            "cwd": self.cwd,
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            "start_new_session": True,
            "preexec_fn": _die_with(os.getpid(), self.stop_signal),
        }
        if self.user is not None:
            options |= self.user.popen_options()
        return options


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Starts the program and answers its process.

    Call it from a thread that lives as long as the child should: Linux counts the death of the
    *thread* that forked as the owner's death, so a pool worker is the wrong place.
    """
    with open_log(program.log) as log:
        return subprocess.Popen(program.argv, stdout=log, **program.popen_options())


def end(process: subprocess.Popen[bytes], stop_signal: signal.Signals, timeout_s: float) -> int:
    """Asks the process to end, kills it after `timeout_s` seconds, answers its exit code."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def open_log(path: Path) -> Any:
    """Opens a log file for appending, making its folder; the caller closes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def keep_previous_log(path: Path) -> None:
    """Moves the log of the run before out of the way, to `<name>.1`."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.1"))


def log_tail(path: Path, lines: int = 15) -> str:
    """Answers the last lines of a log, for an error message."""
    if not path.exists():
        return "(no log)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _die_with(owner: int, stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Answers what the child runs between fork and exec, None where the system offers nothing."""
    if _PRCTL is None:
        return None

    def ask_for_the_signal() -> None:
        _PRCTL(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != owner:  # the owner died between fork and prctl: no signal would come
            os._exit(1)

    return ask_for_the_signal
