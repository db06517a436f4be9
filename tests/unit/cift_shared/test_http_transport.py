import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest

from cift_shared.http.transport import HttpTransport


class Server:
    """Answers slowly, counts how many requests it has at once."""

    def __init__(self) -> None:
        self.connections = self.busy = self.busiest = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.busy += 1
                self.busiest = max(self.busy, self.busiest)
                await asyncio.sleep(0.02)
                self.busy -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    one = Server()
    listening = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = listening.sockets[0].getsockname()[1]
    yield one
    listening.close()


async def test_no_more_connections_than_lines_and_they_are_kept(server: Server) -> None:
    async with httpx.AsyncClient(transport=HttpTransport(4, keepalive_s=60)) as http:
        url = f"http://127.0.0.1:{server.port}/"
        for _ in range(2):
            replies = await asyncio.gather(*(http.get(url) for _ in range(20)))
            assert {reply.text for reply in replies} == {"ok"}
    assert server.busiest == 4
    assert server.connections == 4


async def test_a_line_comes_back_whatever_happened_to_its_request(server: Server) -> None:
    async with httpx.AsyncClient(transport=HttpTransport(1, keepalive_s=60)) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("http://127.0.0.1:1/")
        url = f"http://127.0.0.1:{server.port}/"
        canceled = asyncio.create_task(http.get(url))
        await asyncio.sleep(0.01)
        canceled.cancel()
        await asyncio.gather(canceled, return_exceptions=True)
        async with http.stream("GET", url):
            pass  # closed unread
        assert (await http.get(url)).text == "ok"


async def test_a_busy_transport_says_that_nothing_was_sent(server: Server) -> None:
    timeout = httpx.Timeout(5, pool=0.01)
    transport = HttpTransport(1, keepalive_s=60)
    async with httpx.AsyncClient(transport=transport, timeout=timeout) as http:
        url = f"http://127.0.0.1:{server.port}/"
        answers = await asyncio.gather(*(http.get(url) for _ in range(2)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["PoolTimeout", "Response"]


@pytest.mark.parametrize(("bytes_max", "is_read"), [(None, False), (4_100_000, True)])
async def test_an_answer_may_be_as_long_as_its_caller_says(
    bytes_max: int | None, is_read: bool
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + b"x" * 4_000_000)
        writer.close()
        with suppress(ConnectionError):  # who refuses the answer leaves before its end
            await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    limit = {} if bytes_max is None else {"answer_bytes_max": bytes_max}
    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    async with httpx.AsyncClient(transport=HttpTransport(1, **limit), timeout=60) as http:
        if is_read:
            assert len((await http.get(url)).content) == 4_000_000
        else:
            with pytest.raises(httpx.RemoteProtocolError, match="too large"):
                await http.get(url)
    await ended.wait()
    listening.close()
