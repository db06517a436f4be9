"""The load generator, a process of its own: `python -m tests.bench.load PLAN RESULT`.

Open loop: requests leave when they are due, whether or not earlier ones were answered, and each
one's time counts from the moment it was due (no coordinated omission). Requests are made before
the start and answers are hardly looked at, so the generator costs little beside what it measures;
it says how much.
"""

import asyncio
import json
import random
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from tests.bench import orders
from tests.bench.arithmetic import even, poisson

AGAIN = frozenset({409, 429, 503})
"""Answers after which a client sends the same request again."""
PAUSE_S, PAUSE_S_MAX = 0.5, 8.0
"""Before a request is sent again: doubled each time, with chance, as well-behaved clients do."""
SEND_EARLY_S = 0.0005
END_S = 30.0
WARM_LINES = 16
"""Connections that are open before the first request is due."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, when, and where."""

    port: int
    rate: float
    """Requests a second; 0: as fast as the connections allow (closed loop, for maxima)."""
    seconds: float
    mix: orders.Mix = field(default_factory=orders.Mix)
    arrivals: str = "poisson"
    connections: int = 256
    """At most; a request that finds none free waits, and its time runs."""
    insist_s: float = 0.0
    """For how long a request that was turned away or lost is sent again."""
    flood: int = 20_000
    """Requests that are made ready for a run without a rate."""


@dataclass(slots=True)
class Result:
    """What came back; lists have one place for each request, times are seconds."""

    started_at: float
    """Wall clock at the start."""
    due: list[float]
    took: list[float | None]
    """From when it was due to its answer; None: not answered."""
    status: list[int]
    """0: not answered."""
    ids: list[str]
    late: list[float] = field(default_factory=list)
    """By how much requests left too late though a connection was free: the generator's fault."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    ended_at: float = 0.0

    @property
    def accepted(self) -> list[int]:
        """Places of the requests that were accepted."""
        return [n for n, status in enumerate(self.status) if status == orders.ACCEPTED]

    @property
    def latencies(self) -> list[float]:
        """Seconds to the answer, of every answered request."""
        return [took for took in self.took if took is not None]

    @property
    def generator_share(self) -> float:
        """The generator's CPU use, 1 is a whole core."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0


class Line(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._number: int | None = None
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, number: int, request: bytes) -> None:
        self._number = number
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        head_end = received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        at = received.find(b"content-length: ", 0, head_end) + 16
        length = int(received[at : received.find(b"\r\n", at)])
        if len(received) < head_end + 4 + length:
            return
        number, self._number, self._received = self._number, None, b""
        if number is not None:
            self._load.answered(self, number, int(received[9:12]), received[head_end + 4 :])

    def connection_lost(self, _: Exception | None) -> None:
        self._load.lost(self, self._number)

    def close(self) -> None:
        self._transport.close()


class Load:
    """Sends requests when they are due over a handful of connections."""

    def __init__(self, plan: Plan, requests: list[bytes]) -> None:
        self._plan = plan
        self._requests = requests
        self._waiting: deque[int] = deque()
        self._idle: list[Line] = []
        self._all: set[Line] = set()
        self._lines = 0
        self._open = len(requests)
        self._done = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin = 0.0
        self._pauses: dict[int, float] = {}
        self._chance = random.Random(plan.mix.seed)
        flood = not plan.rate
        self.result = Result(
            0.0,
            [0.0] * len(requests) if flood else _dues(plan),
            [None] * len(requests),
            [0] * len(requests),
            [""] * len(requests),
        )

    async def run(self) -> Result:
        """Sends everything and waits for the answers."""
        self._lines = min(WARM_LINES, self._plan.connections)
        await asyncio.gather(*(self._connect() for _ in range(self._lines)))
        result, cpu = self.result, time.process_time()
        result.started_at, self._begin = time.time(), time.perf_counter()
        if self._plan.rate:
            await self._send_when_due()
            await self._finish(END_S + self._plan.insist_s)
        else:
            self._waiting.extend(range(len(self._requests)))
            self._pump()
            await self._finish(self._plan.seconds)
        result.wall_s = time.perf_counter() - self._begin
        result.cpu_s, result.ended_at = time.process_time() - cpu, time.time()
        return result

    def close(self) -> None:
        """Closes the connections; what is under way is not answered any more."""
        for line in self._all:
            line.close()

    async def _send_when_due(self) -> None:
        for number, due in enumerate(self.result.due):
            gap = self._begin + due - time.perf_counter()
            if gap > SEND_EARLY_S:
                await asyncio.sleep(gap)
                gap = self._begin + due - time.perf_counter()
            if self._idle:
                self.result.late.append(max(-gap, 0.0))
            self._offer(number)

    async def _finish(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._done.wait()
        except TimeoutError:
            self._waiting.clear()

    def answered(self, line: Line, number: int, status: int, body: bytes) -> None:
        """An answer came."""
        self._idle.append(line)
        if status in AGAIN and self._may_insist(number):
            self._later(number)
        else:
            took = time.perf_counter() - self._begin - self.result.due[number]
            self.result.took[number], self.result.status[number] = took, status
            self.result.ids[number] = orders.id_in(body)
            self._close_one()
        self._pump()

    def lost(self, line: Line, number: int | None) -> None:
        """A connection broke, perhaps with a request under way."""
        self._lines -= 1
        self._all.discard(line)
        if number is None:
            self._idle.remove(line)
        elif self._may_insist(number):
            self._later(number)
        else:
            self._close_one()

    def _offer(self, number: int) -> None:
        self._waiting.append(number)
        self._pump()

    def _later(self, number: int) -> None:
        pause = self._pauses[number] = min(self._pauses.get(number, PAUSE_S / 2) * 2, PAUSE_S_MAX)
        delay = pause * self._chance.uniform(0.5, 1.0)
        asyncio.get_running_loop().call_later(delay, self._offer, number)

    def _may_insist(self, number: int) -> bool:
        waited = time.perf_counter() - self._begin - self.result.due[number]
        return waited < self._plan.insist_s

    def _close_one(self) -> None:
        self._open -= 1
        if not self._open:
            self._done.set()

    def _pump(self) -> None:
        while self._waiting and self._idle:
            number = self._waiting.popleft()
            self._idle.pop().send(number, self._requests[number])
        for _ in range(min(len(self._waiting), self._plan.connections - self._lines)):
            self._lines += 1
            task = asyncio.get_running_loop().create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", self._plan.port)
        except OSError:
            self._lines -= 1
            loop.call_later(PAUSE_S, self._pump)
            return
        self._all.add(line)
        self._idle.append(line)
        self._pump()


def _dues(plan: Plan) -> list[float]:
    if plan.arrivals == "even":
        return even(plan.rate, plan.seconds)
    return poisson(plan.rate, plan.seconds, plan.mix.seed)


async def _run(plan: Plan) -> Result:
    count = len(_dues(plan)) if plan.rate else plan.flood
    return await Load(plan, orders.requests(plan.mix, count)).run()


def read_plan(text: str) -> Plan:
    """The plan that `json.dumps(asdict(plan))` wrote."""
    fields = json.loads(text)
    mix = {**fields["mix"], "endings": tuple(fields["mix"]["endings"])}
    return Plan(**{**fields, "mix": orders.Mix(**mix)})


def main() -> None:
    """Reads the plan, sends, writes the result."""
    plan, result = Path(sys.argv[1]), Path(sys.argv[2])
    done = uvloop.run(_run(read_plan(plan.read_text())))
    result.write_text(json.dumps(asdict(done)))


if __name__ == "__main__":
    main()
