"""The webhook sender's transport against receivers of every kind."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from provider_sandbox.posting import PostingTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Receiver:
    """Answers each request with the next of its answers; hangs up after the last."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.heard = bytearray()
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answers and (data := await reader.read(10_000)):
            self.heard += data
            writer.write(self.answers.pop(0))
            await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    listening = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/here"
    yield one
    listening.close()


@pytest.fixture
async def transport() -> AsyncIterator[PostingTransport]:
    one = PostingTransport()
    yield one
    await one.aclose()


async def post(transport: PostingTransport, url: str) -> int:
    request = httpx.Request("POST", url, headers={"X-One": "1"}, content="body")
    return (await transport.handle_async_request(request)).status_code


async def test_a_request_arrives_and_its_status_comes_back(
    transport: PostingTransport, receiver: Receiver
) -> None:
    receiver.answers = [b"HTTP/1.1 100 Continue\r\n\r\n" + OK.replace(b"200", b"503")]
    assert await post(transport, receiver.url) == 503
    head, _, body = bytes(receiver.heard).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /here HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"X-One: 1" in head
    assert body == b"body"


async def test_a_connection_is_kept(transport: PostingTransport, receiver: Receiver) -> None:
    receiver.answers = [OK, OK, OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), OK]
    assert [await post(transport, receiver.url) for _ in range(4)] == [200] * 4
    assert receiver.connections == 2


async def test_one_that_ended_is_not_used(transport: PostingTransport) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        for _ in range(2):
            posted = asyncio.create_task(post(transport, url))
            connection, _ = await loop.sock_accept(listening)
            await loop.sock_recv(connection, 10_000)
            await loop.sock_sendall(connection, OK)
            assert await posted == 200
            connection.close()  # our loop has no time to see it


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"no HTTP at all\r\n"])
async def test_no_answer_is_told(
    transport: PostingTransport, receiver: Receiver, answer: bytes
) -> None:
    receiver.answers = [answer]
    with pytest.raises(httpx.ReadError):
        await post(transport, receiver.url)


async def test_nobody_there_is_told(transport: PostingTransport) -> None:
    with pytest.raises(httpx.ConnectError):
        await post(transport, "http://127.0.0.1:1/")
    with pytest.raises(httpx.UnsupportedProtocol):
        await post(transport, "ftp://127.0.0.1/")


async def test_a_receiver_that_is_silent_can_be_left(
    transport: PostingTransport, receiver: Receiver
) -> None:
    async def briefly() -> None:
        async with asyncio.timeout(0.05):
            await post(transport, receiver.url)

    receiver.answers = [b"HTTP/1.1 200 OK\r\n"] * 2
    with pytest.raises(TimeoutError):
        await briefly()
    receiver.answers = [OK]
    assert await post(transport, receiver.url) == 200
