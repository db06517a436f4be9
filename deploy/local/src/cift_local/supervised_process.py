"""Supervise one program: start it, wait until it is ready, restart it when it ends."""

import asyncio
import contextlib
import math
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from cift_local.errors import LocalStackError, StartError
from cift_local.process_group import Program, keep_previous_log, log_tail, open_log
from cift_local.waiting import Probe, wait_until

BACKOFF_FIRST_S = 0.2
BACKOFF_LAST_S = 5.0
_STABLE_AFTER_S = 10.0


class State(StrEnum):
    """The state of a part."""

    STOPPED = "stopped"
    """Not started yet, or stopped on purpose."""
    STARTING = "starting"
    """Runs, but is not ready yet."""
    READY = "ready"
    """Runs and answers requests."""
    DOWN = "down"
    """Ended unexpectedly; it is started again after a pause."""


@dataclass(frozen=True, slots=True)
class Part:
    """One program to keep running.

    Attributes:
        name: Short name.
        program: Returns the program to run; called before each start, in a thread, so it may block.
        is_ready: Returns True when the part answers requests.
        release: Called when the part is stopped permanently.
        stop_timeout_s: How long it may take to end cleanly, in seconds, before it is killed.
    """

    name: str
    program: Callable[[], Program]
    is_ready: Probe
    release: Callable[[], None] = lambda: None
    stop_timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Status:
    """A part at one moment.

    Attributes:
        name: Its short name.
        state: Its state.
        pid: Its process id while it runs.
        restarts: How often it was restarted.
        uptime_s: Seconds since its process started, 0 while it does not run.
        rss_bytes: Resident memory of its process, 0 while it does not run.
    """

    name: str
    state: State
    pid: int | None
    restarts: int
    uptime_s: float
    rss_bytes: int


class SupervisedProcess:
    """The process of one part; restarted when it ends, from `start` to `stop`."""

    def __init__(
        self,
        part: Part,
        on_change: Callable[[Status], None],
        *,
        pause_max_s: float = BACKOFF_LAST_S,
    ) -> None:
        """`on_change` is called with each new state; `pause_max_s` limits the restart pauses."""
        self.part = part
        self.restarts = 0
        self._on_change = on_change
        self._pause_max_s = pause_max_s
        self._state = State.STOPPED
        self._ready = asyncio.Event()
        self._program: Program | None = None
        self._process: Process | None = None
        self._started_at = 0.0
        self._delay_s = BACKOFF_FIRST_S
        self._task: asyncio.Task[None] | None = None

    async def start(self, timeout_s: float) -> None:
        """Start the part and wait until it is ready.

        A part that ends during its first start is not restarted: the likely cause is a wrong
        setting, which a retry can't fix.

        Raises:
            StartError: It ended, or was not ready within `timeout_s` seconds.
        """
        await self._launch()
        if not await wait_until(self._start_is_over, timeout_s) or self._state is not State.READY:
            await self.stop()
            log = self._program.log if self._program else Path()
            message = f"{self.part.name} did not start; the end of {log}:\n{log_tail(log)}"
            raise StartError(message)
        self._task = asyncio.create_task(self._supervise(), name=f"supervise {self.part.name}")

    async def stop(self) -> None:
        """End the part cleanly; kill it after `stop_timeout_s`."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._process is not None and self._process.returncode is None:
            await self._end(self._process)
        self._set_state(State.STOPPED)
        self.part.release()

    def kill(self) -> None:
        """End the process with `kill -9`; it is restarted afterwards."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            self._set_state(State.DOWN)

    async def wait_ready(self) -> None:
        """Wait until the part is ready."""
        await self._ready.wait()

    def status(self) -> Status:
        """Return the current status of the part."""
        pid = self._running_pid()
        return Status(
            name=self.part.name,
            state=self._state,
            pid=pid,
            restarts=self.restarts,
            uptime_s=time.monotonic() - self._started_at if pid else 0.0,
            rss_bytes=_memory(pid) if pid else 0,
        )

    async def _supervise(self) -> None:
        """Wait until the process ends, restart it, and repeat."""
        while self._process is not None:
            await self._process.wait()
            self._set_state(State.DOWN)
            await asyncio.sleep(self._pause_s())
            self.restarts += 1
            await self._try_launch()
            await wait_until(self._start_is_over, math.inf)

    async def _try_launch(self) -> None:
        """Start the part again; a failed start is written to its log, and `_supervise` retries."""
        try:
            await self._launch()
        except (OSError, LocalStackError) as error:
            if self._program is not None:
                with open_log(self._program.log) as log:
                    log.write(f"cannot start {self.part.name}: {error}\n".encode())

    async def _launch(self) -> None:
        program = await asyncio.to_thread(self.part.program)
        if self._program is None:
            keep_previous_log(program.log)
        self._program = program
        with open_log(program.log) as log:
            self._process = await asyncio.create_subprocess_exec(
                *program.argv, stdout=log, **program.popen_options()
            )
        self._started_at = time.monotonic()
        self._set_state(State.STARTING)

    async def _start_is_over(self) -> bool:
        """Return True when the last start has a result: the part is ready, or it ended."""
        if self._running_pid() is None:
            return True
        if not await self.part.is_ready() or self._running_pid() is None:
            return False
        self._set_state(State.READY)
        return True

    async def _end(self, process: Process) -> None:
        if self._program is None:
            return
        process.send_signal(self._program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.part.stop_timeout_s)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _pause_s(self) -> float:
        """Return the seconds before the next start: doubled each time, reset after a stable run."""
        if time.monotonic() - self._started_at > _STABLE_AFTER_S:
            self._delay_s = BACKOFF_FIRST_S
        pause, self._delay_s = self._delay_s, min(self._delay_s * 2, self._pause_max_s)
        return pause

    def _set_state(self, state: State) -> None:
        if state is self._state:
            return
        self._state = state
        if state is State.READY:
            self._ready.set()
        else:
            self._ready.clear()
        self._on_change(self.status())

    def _running_pid(self) -> int | None:
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid


def _memory(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
