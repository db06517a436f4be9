"""The supervisor: starts the parts of the stack in order and keeps them running.

A part is one of our services or a server (`cift_local.servers`). Each one logs to a file, is
restarted when it ends, and is stopped in reverse order. The supervisor does not poll: the end of a
child process wakes it.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from cift_local.process_group import Program
from cift_local.servers import Server
from cift_local.supervised_process import BACKOFF_LAST_S, Part, Status, SupervisedProcess
from cift_local.waiting import answers_ok


def service(
    name: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    health_url: str,
    log: Path,
    changing_env: Mapping[str, str] | None = None,
) -> Part:
    """Describe one of our services: it is ready when `health_url` answers 200; SIGTERM ends it.

    `changing_env` is read before each start and overrides `env`.
    """
    colour = {} if "NO_COLOR" in os.environ else {"FORCE_COLOR": "1"}

    def program() -> Program:
        variables = {"PYTHONUNBUFFERED": "1", **colour, **env, **(changing_env or {})}
        return Program(name, tuple(argv), log, env=variables)

    return Part(name, program, is_ready=partial(answers_ok, health_url))


def server(source: Server) -> Part:
    """Describe a server, PostgreSQL or a broker, as a part."""
    return Part(source.name, source.program, source.is_ready, source.release, source.stop_timeout_s)


class Supervisor:
    """Runs parts from `start` to `stop`, or as `async with Supervisor(parts):`."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        start_timeout_s: float = 60.0,
        pause_max_s: float = BACKOFF_LAST_S,
        on_change: Callable[[Status], None] = lambda _: None,
    ) -> None:
        """Create the supervisor; it starts nothing yet.

        Args:
            parts: the parts, in the order of their start.
            start_timeout_s: how long each part may take until it is ready.
            pause_max_s: the maximum pause before a part that ends repeatedly is started again.
            on_change: called with each new state.
        """
        self._start_timeout_s = start_timeout_s
        self._processes = {
            part.name: SupervisedProcess(part, on_change, pause_max_s=pause_max_s) for part in parts
        }

    async def start(self) -> None:
        """Start the parts in their order, each one when the part before it is ready.

        Raises:
            StartError: A part did not start; the parts that had started are stopped again.
        """
        try:
            for process in self._processes.values():
                await process.start(self._start_timeout_s)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the parts in reverse order; may be called twice."""
        for process in reversed(self._processes.values()):
            await process.stop()

    def status(self) -> list[Status]:
        """Return the current status of each part, in the order of their start."""
        return [process.status() for process in self._processes.values()]

    def kill(self, name: str) -> None:
        """End a part with `kill -9`; it is restarted, as after any other unexpected end."""
        self._processes[name].kill()

    async def wait_ready(self, name: str, timeout_s: float = 30.0) -> None:
        """Wait until the part is ready.

        Raises:
            TimeoutError: It is not ready after `timeout_s` seconds.
        """
        await asyncio.wait_for(self._processes[name].wait_ready(), timeout_s)

    async def __aenter__(self) -> Self:
        """Start the parts."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the parts."""
        await self.stop()
