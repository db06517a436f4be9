"""The supervisor: starts the parts of the stack in order and keeps them running.

A part is a service of ours or a server (`cift_local.servers`). Each logs to a file, is restarted
when it dies, and is stopped in reverse order. Between events the supervisor sleeps: the end of a
child wakes it, it does not go and look.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from cift_local.children import Program
from cift_local.keeper import BACKOFF_LAST_S, Keeper, Part, Status
from cift_local.servers import Server
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
    """Describes a service of ours: it serves when `health_url` answers 200, SIGTERM ends it.

    `changing_env` is looked at before each start and wins over `env`.
    """
    colour = {} if "NO_COLOR" in os.environ else {"FORCE_COLOR": "1"}

    def program() -> Program:
        variables = {"PYTHONUNBUFFERED": "1", **colour, **env, **(changing_env or {})}
        return Program(name, tuple(argv), log, env=variables)

    return Part(name, program, is_ready=partial(answers_ok, health_url))


def server(of: Server) -> Part:
    """Describes a server: PostgreSQL or a broker."""
    return Part(of.name, of.program, of.is_ready, of.release, of.stop_timeout_s)


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
        """Take what to run.

        Args:
            parts: in starting order.
            start_timeout_s: how long each may take to serve.
            pause_max_s: the longest pause before a part that keeps dying is started again.
            on_change: hears of each new state.
        """
        self._start_timeout_s = start_timeout_s
        self._keepers = {
            part.name: Keeper(part, on_change, pause_max_s=pause_max_s) for part in parts
        }

    async def start(self) -> None:
        """Starts the parts in their order, each when the one before serves.

        Raises:
            StartError: One did not start; those that had started are stopped again.
        """
        try:
            for keeper in self._keepers.values():
                await keeper.start(self._start_timeout_s)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops the parts in reverse order; may be called twice."""
        for keeper in reversed(self._keepers.values()):
            await keeper.stop()

    def status(self) -> list[Status]:
        """Answers how each part is now, in starting order."""
        return [keeper.status() for keeper in self._keepers.values()]

    def kill(self, name: str) -> None:
        """Ends a part without a word (`kill -9`); it is brought back like any other death."""
        self._keepers[name].kill()

    async def wait_ready(self, name: str, timeout_s: float = 30.0) -> None:
        """Returns when the part serves.

        Raises:
            TimeoutError: It does not serve after `timeout_s` seconds.
        """
        await asyncio.wait_for(self._keepers[name].wait_ready(), timeout_s)

    async def __aenter__(self) -> Self:
        """Starts the parts."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops the parts."""
        await self.stop()
