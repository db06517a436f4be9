"""The roads between parts: they carry, and they misbehave as told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cift_local.ports import LOOPBACK
from tests.chaos.cluster.proxy import Link

PATIENCE_S = 60


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """A road to a server that says everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while heard := await reader.read(1000):
                writer.write(heard)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    road = Link("echo")
    road.target = server.sockets[0].getsockname()[1]
    await road.start()
    yield road
    await road.stop()
    server.close()


class Caller:
    """One connection over the road."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def of(cls, link: Link) -> "Caller":
        return cls(*await asyncio.open_connection(LOOPBACK, link.port))

    async def says(self, words: bytes) -> bytes:
        self.writer.write(words)
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.readexactly(len(words))

    async def is_silent(self, words: bytes) -> bool:
        self.writer.write(words)
        try:
            async with asyncio.timeout(0.2):
                await self._reader.readexactly(1)
        except TimeoutError:
            return True
        return False

    async def hears(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.readexactly(count)


async def test_it_carries_both_ways(link: Link) -> None:
    caller = await Caller.of(link)
    assert await caller.says(b"hello") == b"hello"
    caller.writer.close()


@pytest.mark.parametrize("toxic", ["latency", "slices"])
async def test_slow_roads_lose_nothing(link: Link, toxic) -> None:
    caller = await Caller.of(link)
    link.poison(toxic)
    words = bytes(range(256)) * 2
    assert await caller.says(words) == words
    caller.writer.close()


async def test_a_reset_ends_what_is_open_and_nothing_else(link: Link) -> None:
    caller = await Caller.of(link)
    assert await caller.says(b"a") == b"a"
    link.poison("reset")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await caller.says(b"b")
    again = await Caller.of(link)
    assert await again.says(b"c") == b"c"
    again.writer.close()


async def test_a_blackhole_holds_back_and_then_gives(link: Link) -> None:
    caller = await Caller.of(link)
    assert await caller.says(b"a") == b"a"
    link.poison("blackhole")
    assert await caller.is_silent(b"bcd")
    link.heal()
    assert await caller.hears(3) == b"bcd"
    caller.writer.close()


async def test_half_open_connections_stay_silent_and_new_ones_speak(link: Link) -> None:
    caller = await Caller.of(link)
    assert await caller.says(b"a") == b"a"
    link.poison("half_open")
    assert await caller.is_silent(b"b")
    link.heal()
    assert await caller.is_silent(b"c")
    fresh = await Caller.of(link)
    assert await fresh.says(b"d") == b"d"
    caller.writer.close()
    fresh.writer.close()


async def test_refusing_ends_new_connections_until_it_is_healed(link: Link) -> None:
    link.poison("refuse")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await (await Caller.of(link)).says(b"a")
    link.heal()
    caller = await Caller.of(link)
    assert await caller.says(b"b") == b"b"
    caller.writer.close()
