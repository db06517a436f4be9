"""CPU and first-record latency: FastStream's batch subscriber against `BatchSubscriber`.

Run by hand: `python -m tests.bench.measure_subscribers [--apache]`. Prints one line a variant; the
figures behind the choice in docs/architecture.md. With `--pairs N` our subscriber and a subclass of
FastStream's with the same behaviour (`faststream_subscriber`) take turns N times on the same
machine: medians, and the median of the ratios.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import astuple, dataclass

from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from cift_shared.ids import SystemIds
from cift_shared.kafka import BatchSubscriber, Producer, Record, RejectedRecord, create_topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DAY_MS, Topic
from cift_shared.security.kafka import Brokers
from tests.bench.faststream_subscriber import subscribe
from tests.support.kafka import running_embedded_broker, running_kafka

IDLE_S = 10
ROUNDS = 20
BURST = 10_000
Arrived = Callable[[int], None]
Variant = Callable[[str, str, Arrived], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def ours(bootstrap: str, topic: str, arrived: Arrived) -> AsyncIterator[None]:
    async def handle(records: Sequence[Record]) -> list[RejectedRecord]:
        arrived(len(records))
        return []

    subscriber = BatchSubscriber(
        [topic],
        group=f"ours-{topic}",
        instance=f"ours-{topic}",
        brokers=Brokers(bootstrap),
        handler=handle,
        store_rejected=_refuse,
    )
    task = asyncio.create_task(subscriber.run())
    yield
    subscriber.stop()
    await task


async def _refuse(_: Sequence[RejectedRecord]) -> None: ...


@asynccontextmanager
async def subclass(bootstrap: str, topic: str, arrived: Arrived) -> AsyncIterator[None]:
    async def handle(records: Sequence[Record]) -> list[RejectedRecord]:
        arrived(len(records))
        return []

    broker = KafkaBroker(bootstrap, logger=None)
    subscribe(broker, topic, group=f"subclass-{topic}", handler=handle, store_rejected=_refuse)
    async with broker:
        await broker.start()
        yield


def faststream(interval_ms: int) -> Variant:
    @asynccontextmanager
    async def variant(bootstrap: str, topic: str, arrived: Arrived) -> AsyncIterator[None]:
        broker = KafkaBroker(bootstrap, logger=None)

        @broker.subscriber(
            topic,
            batch=True,
            batch_timeout_ms=interval_ms,
            group_id=f"fs-{topic}",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
        )
        async def handle(bodies: list[dict[str, str]]) -> None:
            arrived(len(bodies))

        async with broker:
            await broker.start()
            yield

    return variant


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run of one variant took."""

    idle: float
    """CPU without records, as a part of one core."""
    first_ms: float
    worst_ms: float
    burst_us: float
    """CPU time for each record of a burst; the producer's part is in it."""

    def __str__(self) -> str:
        return (
            f"idle {self.idle:6.2%} of a core   first {self.first_ms:6.1f} ms, "
            f"worst {self.worst_ms:6.1f} ms   burst {self.burst_us:5.0f} us a record"
        )


class Run:
    """One variant on one topic."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.topic = topic
        self.producer = Producer(Brokers(bootstrap), name="bench")
        self._left = 0
        self._all_came = asyncio.Event()

    def arrived(self, count: int) -> None:
        self._left -= count
        if self._left <= 0:
            self._all_came.set()

    async def send_and_wait(self, count: int = 1) -> float:
        """How long it took until the subscriber had them, in seconds."""
        self._left = count
        self._all_came.clear()
        before = time.perf_counter()
        await self.producer.publish(
            [OutgoingMessage(self.topic, f"k{n}", b"{}") for n in range(count)]
        )
        await self._all_came.wait()
        return time.perf_counter() - before

    async def idle(self) -> float:
        cpu = time.process_time()
        await asyncio.sleep(IDLE_S)
        return (time.process_time() - cpu) / IDLE_S

    async def latencies_ms(self) -> list[float]:
        found = []
        for _ in range(ROUNDS):
            await asyncio.sleep(0.3)
            found.append(await self.send_and_wait() * 1e3)
        return found

    async def burst_us(self) -> float:
        cpu = time.process_time()
        await self.send_and_wait(BURST)
        return (time.process_time() - cpu) / BURST * 1e6


async def measure(variant: Variant, bootstrap: str) -> Figures:
    topic = f"bench.{SystemIds().new_id().hex}"
    await create_topics(Brokers(bootstrap), [Topic(topic, 12, DAY_MS)])
    run = Run(bootstrap, topic)
    async with variant(bootstrap, topic, run.arrived):
        await run.send_and_wait()
        await asyncio.sleep(2)
        idle, latencies = await run.idle(), await run.latencies_ms()
        burst_us = await run.burst_us()
    await run.producer.close()
    return Figures(idle, statistics.median(latencies), max(latencies), burst_us)


async def all_variants(bootstrap: str) -> None:
    variants: list[tuple[str, Variant]] = [
        ("BatchSubscriber", ours),
        ("FastStream's, subclassed", subclass),
        ("FastStream, 10 ms", faststream(10)),
        ("FastStream, 50 ms", faststream(50)),
        ("FastStream, 200 ms", faststream(200)),
    ]
    for name, variant in variants:
        print(f"{name:24} {await measure(variant, bootstrap)}", flush=True)


async def pairs(bootstrap: str, count: int) -> None:
    """Ours and the subclass by turns, each first every second time."""
    found: list[tuple[Figures, Figures]] = []
    for number in range(count):
        if number % 2:
            theirs, own = await measure(subclass, bootstrap), await measure(ours, bootstrap)
        else:
            own, theirs = await measure(ours, bootstrap), await measure(subclass, bootstrap)
        found.append((own, theirs))
        print(f"pair {number + 1}\n  ours      {own}\n  subclass  {theirs}", flush=True)
    own_median, their_median = (_median([pair[side] for pair in found]) for side in (0, 1))
    ratios = [
        Figures(*(b / a for a, b in zip(astuple(own), astuple(theirs), strict=True)))
        for own, theirs in found
    ]
    print(f"medians\n  ours      {own_median}\n  subclass  {their_median}")
    print("ratio to ours:", "  ".join(f"{value:.2f}" for value in astuple(_median(ratios))))


def _median(figures: Sequence[Figures]) -> Figures:
    return Figures(*map(statistics.median, zip(*map(astuple, figures), strict=True)))


async def main(bootstrap: str, count: int) -> None:
    await (pairs(bootstrap, count) if count else all_variants(bootstrap))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--apache", action="store_true")
    parser.add_argument("--pairs", type=int, default=0)
    arguments = parser.parse_args()
    running = running_kafka if arguments.apache else running_embedded_broker
    with running() as server:
        asyncio.run(main(server.bootstrap, arguments.pairs))
