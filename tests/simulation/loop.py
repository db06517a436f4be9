"""Virtual time, processes that can die, and a network that may lose what it carries.

One thread, no selector, no sockets: when nothing is ready, the clock jumps to the next timer. Every
task belongs to the process that started it; a process that dies takes its tasks with it, and what
it had sent already still arrives.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
TRACE_LINES_KEPT = 400


class Died(BaseException):
    """The process is gone: nothing after this line happens."""


class Stalled(Exception):
    """Nothing is ready and nothing is due: the simulation would wait for ever."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time passes only when nobody has anything to do."""

    def __init__(self) -> None:
        super().__init__()
        own: Any = self
        own._selector = self
        own._clock_resolution = 1e-6
        self._virtual_s = 0.0
        self.set_task_factory(_owned_task)
        self.set_exception_handler(_tell)
        self.faults: list[dict[str, Any]] = []

    def time(self) -> float:
        return self._virtual_s

    def select(self, timeout: float | None) -> tuple[()]:
        """Instead of waiting for sockets: let time pass."""
        if timeout is None:
            raise Stalled
        self._virtual_s += max(0.0, timeout)
        return ()

    def _process_events(self, _: Any) -> None:
        """There are none."""

    def run_in_executor(self, *_: Any) -> NoReturn:  # type: ignore[override]
        raise AssertionError("the simulated code must not use threads")

    def call_soon_threadsafe(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        raise AssertionError("the simulated code must not use threads")

    async def shutdown_asyncgens(self) -> None:
        """None are used."""


PROCESS: ContextVar["Process | None"] = ContextVar("simulated_process", default=None)


def _owned_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any],
    *,
    context: Context | None = None,
    **more: Any,
) -> "asyncio.Task[Any]":
    task = asyncio.Task(coro, loop=loop, context=context, **more)
    owner = context.get(PROCESS) if context is not None else PROCESS.get()
    if owner is not None:
        owner.own(task)
    return task


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception nobody took: of the dead it is expected, else the seed fails."""
    if not isinstance(context.get("exception"), Died) and isinstance(loop, VirtualLoop):
        loop.faults.append(context)


class Trace:
    """What happened, in order, as a running hash; the last lines for people."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._hash = hashlib.sha256()
        self.lines: list[str] = []
        self.keep = False

    def note(self, *words: object) -> None:
        line = f"{self._loop.time():.6f} " + " ".join(map(str, words))
        self._hash.update(line.encode())
        if self.keep:
            self.lines.append(line)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class ProcessClock:
    """The machine's clock as one process sees it."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.skew = timedelta(0)

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._loop.time()) + self.skew

    def monotonic(self) -> float:
        return self._loop.time()


class Process:
    """One service's process: its tasks, its clock, and the passes at which it is to die."""

    def __init__(self, name: str, loop: VirtualLoop, trace: Trace, clock: ProcessClock) -> None:
        self.name = name
        self.alive = True
        self.clock = clock
        self.die_at: int | None = None
        self.frozen_until = 0.0
        """Until then it neither asks nor hears: a machine that stands still, a SIGSTOP."""
        self.on_death: list[Callable[[], None]] = []
        self._passes = 0
        self._loop = loop
        self._trace = trace
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def start(self, main: Coroutine[Any, Any, None]) -> None:
        context = copy_context()
        context.run(PROCESS.set, self)
        self._loop.create_task(main, context=context)

    def own(self, task: "asyncio.Task[Any]") -> None:
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        if not self.alive:
            task.cancel()

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)

    def boundary(self, name: str) -> None:
        """A place between two effects; the process may be gone, or go here."""
        if not self.alive:
            raise Died
        self._passes += 1
        if self._passes == self.die_at:
            self.kill(name)
            raise Died

    def kill(self, place: str, *, tells: bool = True) -> None:
        """The power goes; unless all ends, others get to know."""
        if not self.alive:
            return
        self._trace.note(self.name, "dies", place)
        self.alive = False
        for task in list(self._tasks):
            task.cancel()
        for tell in self.on_death if tells else ():
            tell()


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request."""

    there_s: float
    back_s: float = 0.0
    lost: str | None = None
    """`refused` (never sent), `before` (no effect, no answer), `after` (effect, no answer)."""


@dataclass
class Weather:
    """How bad the network is, for how long."""

    random: Random
    ends_s: float
    rates: dict[str, float] = field(default_factory=dict)
    """Share of requests to a server that go wrong."""
    outages: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    slow: float = 0.0
    """Share of requests that take long."""

    def is_down(self, server: str, now: float) -> bool:
        return any(begin <= now < end for begin, end in self.outages.get(server, ()))

    def fate(self, server: str, now: float) -> Fate:
        draw = self.random.random
        there = 0.0005 + 0.004 * draw()
        if now >= self.ends_s:
            return Fate(there)
        if self.slow and draw() < self.slow:
            there += 20 * draw() * draw()
        back = 8 * draw() if self.slow and draw() < self.slow else 0.0
        if self.rates.get(server) and draw() < self.rates[server]:
            return Fate(there, back, self.random.choice(("refused", "before", "after", "after")))
        return Fate(there, back)


class Network:
    """Carries requests of processes to servers."""

    def __init__(self, loop: VirtualLoop, trace: Trace, weather: Weather) -> None:
        self.loop = loop
        self.trace = trace
        self.weather = weather

    async def call(
        self,
        server: str,
        name: str,
        effect: Callable[[], T],
        fail: Callable[[str], BaseException],
        *,
        patience_s: float = 30.0,
    ) -> T:
        """Ask a server; the caller may die before, between and after."""
        process = PROCESS.get()
        assert process is not None
        process.boundary(f"before {name}")
        if process.frozen_until > self.loop.time():
            await asyncio.sleep(process.frozen_until - self.loop.time())
        fate = self.weather.fate(server, self.loop.time())
        answer: asyncio.Future[T] = self.loop.create_future()
        if fate.lost == "refused" or self.weather.is_down(server, self.loop.time()):
            self.trace.note(process.name, name, "refused")
            await asyncio.sleep(fate.there_s)
            process.boundary(f"refused {name}")
            raise fail("refused")
        self.loop.call_later(
            fate.there_s, self._arrive, process.name, name, fate, effect, fail, answer, patience_s
        )
        try:
            result = await answer
        finally:
            if process.alive and process.frozen_until > self.loop.time():
                await asyncio.sleep(process.frozen_until - self.loop.time())
        process.boundary(f"after {name}")
        return result

    def commit(self, name: str) -> str | None:
        """What becomes of a transaction's commit: None: done and heard of."""
        process = PROCESS.get()
        assert process is not None
        process.boundary(f"before commit {name}")
        return self.weather.fate("database", self.loop.time()).lost

    def committed(self, name: str, lost: str | None) -> None:
        process = PROCESS.get()
        assert process is not None
        self.trace.note(process.name, name, "commit", lost or "")
        process.boundary(f"after commit {name}")

    def _arrive(
        self,
        caller: str,
        name: str,
        fate: Fate,
        effect: Callable[[], T],
        fail: Callable[[str], BaseException],
        answer: "asyncio.Future[T]",
        patience_s: float,
    ) -> None:
        if fate.lost == "before":
            self.trace.note(caller, name, "lost before")
            self.loop.call_later(patience_s, _reply, answer, None, fail("before"))
            return
        try:
            result, error = effect(), None
        except Exception as raised:  # noqa: BLE001  it travels back as it is
            result, error = None, raised
        self.trace.note(caller, name, fate.lost or "", type(error).__name__ if error else "")
        if fate.lost == "after":
            self.loop.call_later(patience_s, _reply, answer, None, fail("after"))
        elif fate.back_s:
            self.loop.call_later(fate.back_s, _reply, answer, result, error)
        else:
            _reply(answer, result, error)


def _reply(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
