"""Idle CPU and first-record latency: FastStream's batch subscriber against `BatchSubscriber`.

Run by hand: `python -m tests.bench.measure_subscribers [--apache]`. Prints one line a variant; the
figures behind the choice in docs/architecture.md.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from cift_shared.ids import SystemIds
from cift_shared.kafka import BatchSubscriber, Producer, Record, RejectedRecord, create_topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DAY_MS, Topic
from tests.support.kafka import running_embedded_broker, running_kafka

IDLE_S = 10
ROUNDS = 20
Arrived = Callable[[], None]
Variant = Callable[[str, str, Arrived], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def ours(bootstrap: str, topic: str, arrived: Arrived) -> AsyncIterator[None]:
    async def handle(records: Sequence[Record]) -> list[RejectedRecord]:
        arrived()
        return []

    async def refuse(_: Sequence[RejectedRecord]) -> None: ...

    subscriber = BatchSubscriber(
        [topic],
        group="ours",
        instance="ours-0",
        bootstrap_servers=bootstrap,
        handler=handle,
        store_rejected=refuse,
    )
    task = asyncio.create_task(subscriber.run())
    yield
    subscriber.stop()
    await task


def faststream(interval_ms: int) -> Variant:
    @asynccontextmanager
    async def variant(bootstrap: str, topic: str, arrived: Arrived) -> AsyncIterator[None]:
        broker = KafkaBroker(bootstrap, logger=None)

        @broker.subscriber(
            topic,
            batch=True,
            batch_timeout_ms=interval_ms,
            group_id=f"fs-{interval_ms}",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
        )
        async def handle(bodies: list[dict[str, str]]) -> None:
            arrived()

        async with broker:
            await broker.start()
            yield

    return variant


async def measure(name: str, variant: Variant, bootstrap: str) -> None:
    topic = f"bench.{SystemIds().new_id().hex}"
    await create_topics(bootstrap, [Topic(topic, 12, DAY_MS)])
    event = asyncio.Event()
    producer = Producer(bootstrap, name="bench")

    async def send_and_wait() -> float:
        event.clear()
        before = time.perf_counter()
        await producer.publish([OutgoingMessage(topic, "k", b"{}")])
        await event.wait()
        return time.perf_counter() - before

    async with variant(bootstrap, topic, event.set):
        await send_and_wait()
        await asyncio.sleep(2)
        cpu = time.process_time()
        await asyncio.sleep(IDLE_S)
        idle = (time.process_time() - cpu) / IDLE_S
        latencies = []
        for _ in range(ROUNDS):
            await asyncio.sleep(0.3)
            latencies.append(await send_and_wait())
    await producer.close()
    median, worst = statistics.median(latencies) * 1e3, max(latencies) * 1e3
    print(f"{name:24} idle {idle:6.2%} of a core   first {median:6.1f} ms, worst {worst:6.1f} ms")


async def main(bootstrap: str) -> None:
    variants: list[tuple[str, Variant]] = [
        ("BatchSubscriber", ours),
        ("FastStream, 10 ms", faststream(10)),
        ("FastStream, 50 ms", faststream(50)),
        ("FastStream, 200 ms", faststream(200)),
    ]
    for name, variant in variants:
        await measure(name, variant, bootstrap)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--apache", action="store_true")
    running = running_kafka if parser.parse_args().apache else running_embedded_broker
    with running() as server:
        asyncio.run(main(server.bootstrap))
