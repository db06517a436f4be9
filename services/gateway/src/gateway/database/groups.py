"""Write what concurrent requests ask for in one statement and one commit.

A request that arrives alone is written at once. Those that arrive while a statement runs are the
next group: groups form by themselves, and nothing waits for one to fill. A request that the
statement could not judge, or that may have made it fail, is written again in a statement of its
own, so it delays the others by one statement at most. A statement that takes long, because it waits
for a lock, delays them by `PATIENCE_S`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import asyncpg

GROUP_MAX = 50
"""Below 64: PostgreSQL lists only so many subtransactions of a transaction in shared memory, and
becomes slow for all with more. A request that can be refused is a subtransaction."""
PATIENCE_S = 0.1
"""How long the next group waits for the statement before it; then both run at a time."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Unjudged(Enum):
    """What a statement tells of a request that it left out."""

    BUSY = "busy"
    """It needs a row that another transaction has locked; a group does not wait for it."""


# The connection's own errors: each request would only meet them again.
_CONNECTION_ERRORS: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.TooManyConnectionsError,
)

Written = Sequence[Result | Exception | Unjudged]
"""What became of each request of a group, in its order; an exception is raised to its caller."""


@dataclass(frozen=True, slots=True)
class _Request(Generic[Item, Result]):
    item: Item
    identity: Hashable
    answer: "asyncio.Future[Result]"


class GroupWriter(Generic[Item, Result]):
    """Writes for many callers, one statement at a time unless one takes long."""

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Written[Result]]],
        identity: Callable[[Item], Hashable],
    ) -> None:
        """A writer with nothing to do.

        Args:
            write: writes a group in one transaction. It must be safe to repeat: after an error,
                each request is written again. For a group of one it waits for locks: never `BUSY`.
            identity: two requests with the same one are never in the same group.
        """
        self._write = write
        self._identity = identity
        self._waiting: list[_Request[Item, Result]] = []
        self._running: asyncio.Task[None] | None = None
        self._started: set[asyncio.Task[None]] = set()

    async def write(self, item: Item) -> Result:
        """Write one request, together with those that wait beside it.

        Raises:
            Exception: what became of this request, or the database's error for it.
        """
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(item, self._identity(item), answer))
        if self._running is None or self._running.done():
            self._running = self._start(self._write_groups())
        return await answer

    async def _write_groups(self) -> None:
        while group := self._next_group():
            await asyncio.wait({self._start(self._write_group(group))}, timeout=PATIENCE_S)

    def _next_group(self) -> list[_Request[Item, Result]]:
        """The oldest requests, one of each identity; the others stay in their order."""
        group: dict[Hashable, _Request[Item, Result]] = {}
        left = []
        for request in self._waiting:
            if request.answer.done():  # its caller is gone
                continue
            if len(group) == GROUP_MAX or request.identity in group:
                left.append(request)
            else:
                group[request.identity] = request
        self._waiting = left
        return list(group.values())

    async def _write_group(self, group: list[_Request[Item, Result]]) -> None:
        is_alone = len(group) == 1
        try:
            written = await self._write([request.item for request in group])
        except Exception as error:  # noqa: BLE001  `write` raises it for its caller
            for request in group:
                if is_alone or isinstance(error, _CONNECTION_ERRORS):
                    _answer(request, error)
                else:
                    self._start(self._write_group([request]))
            return
        for request, result in zip(group, written, strict=True):
            if result is Unjudged.BUSY:
                self._start(self._write_group([request]))
            else:
                _answer(request, result)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # an empty context: the log lines of a group don't belong to the request that began it
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._started.add(task)
        task.add_done_callback(self._started.discard)
        return task


def _answer(request: _Request[Item, Result], result: Result | Exception | Unjudged) -> None:
    if request.answer.done():
        return
    if isinstance(result, Exception):
        request.answer.set_exception(result)
    else:
        request.answer.set_result(result)  # type: ignore[arg-type]  # never BUSY
