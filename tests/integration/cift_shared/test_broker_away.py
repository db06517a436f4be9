"""A broker that is away for long ends no reader and no relay: they go on once it is back."""

import asyncio
from collections.abc import Iterator

import pytest

from cift_local.broker import EmbeddedBroker
from cift_shared.kafka import (
    BatchSubscriber,
    Producer,
    Record,
    client_stop,
    consumer_watchdog,
    create_topics,
    subscriber,
)
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.topics import DAY_MS, Topic
from cift_shared.security.kafka import Brokers
from tests.support.postgres import throw_away_folder

pytestmark = pytest.mark.integration

PATIENCE_S = 60
READERS = 4


@pytest.fixture
def mortal() -> Iterator[EmbeddedBroker]:
    with throw_away_folder("broker") as folder, EmbeddedBroker(folder) as server:
        yield server


async def killed_for(server: EmbeddedBroker, seconds: float) -> None:
    server.kill()
    await asyncio.sleep(seconds)
    server.start()


async def published(producer: Producer, name: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not all(await producer.publish([OutgoingMessage("t", "k", name.encode(), {})])):
            await asyncio.sleep(0.1)


async def test_readers_go_on_after_a_long_outage(
    mortal: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "POLL_MS", 500)
    monkeypatch.setattr(consumer_watchdog, "SILENCE_S", 1.0)
    await create_topics(Brokers(mortal.bootstrap), [Topic("t", 1, DAY_MS)])
    heard: dict[str, set[bytes | None]] = {f"group-{n}": set() for n in range(READERS)}

    def reader(group: str) -> BatchSubscriber:
        async def handle(records: list[Record]) -> list[object]:
            heard[group] |= {record.body for record in records}
            return []

        return BatchSubscriber(
            ["t"], group=group, instance=group, brokers=Brokers(mortal.bootstrap),
            handler=handle, store_rejected=handle,
        )  # fmt: skip

    readers = [reader(group) for group in heard]
    running = [asyncio.create_task(each.run()) for each in readers]
    producer = Producer(Brokers(mortal.bootstrap), name="test")
    for name in ("before", "after"):
        await published(producer, name)
        async with asyncio.timeout(PATIENCE_S):
            while not all(name.encode() in bodies for bodies in heard.values()):
                assert not any(task.done() for task in running), "a reader has ended"
                await asyncio.sleep(0.05)
        if name == "before":
            await asyncio.sleep(2)  # the embedded broker writes a second late
            await killed_for(mortal, 5)
    for each in readers:
        each.stop()
    await asyncio.wait_for(asyncio.gather(*running), PATIENCE_S)
    await producer.close()


class Stuck:
    """A client whose end is as aiokafka's can be."""

    def __init__(self, *, forever: bool) -> None:
        self._forever = forever
        self._client = self
        self.is_closed = False

    async def stop(self) -> None:
        if self._forever:
            await asyncio.Event().wait()
        sleeping = asyncio.create_task(asyncio.sleep(60))
        sleeping.cancel()
        await sleeping

    async def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("forever", [False, True])
async def test_an_end_that_is_cancelled_or_never_comes_cancels_nobody(forever: bool) -> None:
    client = Stuck(forever=forever)
    await client_stop.end(client, within_s=0.2)
    await asyncio.sleep(0)
    assert client.is_closed
