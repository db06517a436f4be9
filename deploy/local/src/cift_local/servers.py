"""The base class of PostgreSQL, the embedded broker and Apache Kafka.

A server owns one data folder, runs one child process on a port that never changes, and can check
that it is ready. It is used either directly
(`with Postgres(folder) as server:`) or by the supervisor, which restarts it.
"""

import fcntl
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from cift_local.errors import FolderInUseError, StartError
from cift_local.process_group import Program, end, log_tail, spawn
from cift_local.waiting import run_in_thread, wait_until


class Server(ABC):
    """One server process over one data folder.

    Attributes:
        folder: Contains all files of the server.
        port: Its port on 127.0.0.1.
        log: The file for its output.
    """

    name: str
    start_timeout_s = 30.0
    stop_timeout_s = 20.0

    def __init__(self, folder: Path, *, port: int, log: Path | None = None) -> None:
        """No file is touched before `start` or `program`; the log is in `folder` by default."""
        self.folder = folder.absolute()
        self.port = port
        self.log = log or self.folder / "server.log"
        self._running: tuple[Program, subprocess.Popen[bytes]] | None = None
        self._claim: IO[str] | None = None

    @abstractmethod
    def program(self) -> Program:
        """Lock the folder, prepare it for a start, return the program to run; may be repeated.

        Raises:
            FolderInUseError: Another process runs a server on this folder.
        """

    @abstractmethod
    async def is_ready(self) -> bool:
        """Return True when the server answers a real request."""

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs under `start`."""
        if self._running is None or self._running[1].poll() is not None:
            return None
        return self._running[1].pid

    def start(self) -> Self:
        """Start the server and wait until it is ready.

        Call it from the main thread: see `cift_local.process_group.spawn`.

        Raises:
            FolderInUseError: Another process runs a server on this folder.
            StartError: It ended, or was not ready within `start_timeout_s` seconds.
        """
        program = self.program()
        process = spawn(program)
        self._running = (program, process)

        async def start_is_over() -> bool:
            return process.poll() is not None or await self.is_ready()

        if not run_in_thread(wait_until(start_is_over, self.start_timeout_s)) or self.pid is None:
            self.stop()
            message = f"{self.name} did not start; the end of {self.log}:\n{log_tail(self.log)}"
            raise StartError(message)
        return self

    def stop(self) -> None:
        """End the server cleanly, so that all acknowledged data is on disk; keep the data."""
        if self._running is not None:
            program, process = self._running
            end(process, program.stop_signal, self.stop_timeout_s)
            self._running = None
        self.release()

    def kill(self) -> None:
        """End the server with `kill -9`, for tests; `start` starts it again."""
        if self._running is not None:
            self._running[1].kill()
            self._running[1].wait()
            self._running = None

    def claim(self) -> None:
        """Lock the folder for this process; the system releases the lock when the process ends.

        Raises:
            FolderInUseError: Another process has the lock.
        """
        if self._claim is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        claim = (self.folder / "owner.lock").open("w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            claim.close()
            message = f"{self.folder} is in use: is the local stack running already?"
            raise FolderInUseError(message) from error
        self._claim = claim

    def release(self) -> None:
        """Release the lock on the folder."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()
