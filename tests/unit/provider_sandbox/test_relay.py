"""The relay that joins the twins' loopback addresses in a cluster."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from cift_local.ports import LOOPBACK, free_port
from provider_sandbox.relay import Route, serve


@contextlib.asynccontextmanager
async def relay(target: int) -> AsyncIterator[int]:
    """A relay to a port of this machine; its own port."""
    port, stop = free_port(), asyncio.Event()
    running = asyncio.create_task(serve([Route((LOOPBACK, port), (LOOPBACK, target))], stop))
    try:
        await asyncio.sleep(0)
        yield port
    finally:
        stop.set()
        await running


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            return await asyncio.open_connection(LOOPBACK, port)
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that answers with everything it got, once nothing more comes; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.write_eof()
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("size", [0, 1, 300_000])
async def test_it_passes_both_directions_on_and_their_ends(size: int) -> None:
    sent = bytes(range(256)) * (size // 256 + 1)
    async with echo() as target, relay(target) as port:
        reader, writer = await connected(port)
        writer.write(sent[:size])
        writer.write_eof()
        assert await reader.read() == sent[:size]
        writer.close()


async def test_a_connection_ends_if_the_target_does_not_answer() -> None:
    async with relay(free_port()) as port:
        reader, writer = await connected(port)
        assert await reader.read() == b""
        writer.close()


async def test_others_go_on_when_one_is_cut() -> None:
    async with echo() as target, relay(target) as port:
        _, cut = await connected(port)
        reader, writer = await connected(port)
        cut.transport.abort()
        writer.write(b"still here")
        writer.write_eof()
        assert await reader.read() == b"still here"
        writer.close()


@pytest.mark.parametrize("text", ["", "8090", "127.0.0.1:8090", "a:1=b", "=b:1", "a:x=b:1"])
def test_a_wrong_route_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Route.parse(text)


def test_a_route_is_two_addresses() -> None:
    assert Route.parse("127.0.0.1:8090=twins:80") == Route(("127.0.0.1", 8090), ("twins", 80))
