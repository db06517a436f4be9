"""Responses of all kinds on one connection: a complete one is read, anything else is an error."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from cift_shared.http.connection import ANSWER_BYTES_MAX, PART_BYTES
from cift_shared.http.transport import HttpTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(script: Script) -> AsyncIterator[str]:
    """The address of a server that runs the script once a connection, then hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    finally:
        listening.close()


def saying(*answers: bytes) -> Script:
    """One answer to each request of a connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()

    return script


@asynccontextmanager
async def client(limits: httpx.Timeout | None = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = HttpTransport(1, keepalive_s=60)
    async with httpx.AsyncClient(transport=transport, timeout=limits) as http:
        yield http


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "times"),
    [
        (OK, 2),
        (CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n", 2),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", 1),
        (b"HTTP/1.0 200 OK\r\n\r\nok", 1),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, 2),
        (OK + b"more than was asked for", 2),
    ],
    ids=["length", "chunks", "until the end", "version 1.0", "hints before", "surplus after"],
)
async def test_a_whole_answer_is_read_and_the_next_request_works(answer: bytes, times: int) -> None:
    async with server(saying(*[answer] * times)) as url, client() as http:
        for _ in range(2):
            reply = await http.get(url)
            assert (reply.status_code, reply.text) == (200, "ok")
            assert "link" not in reply.headers


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        CHUNKED + b"2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * ANSWER_BYTES_MAX + b"\r\n\r\n",
    ],
    ids=["none", "short", "half", "head", "not HTTP", "two lengths", "upgrade", "endless"],
)
async def test_less_than_a_whole_answer_is_an_error(answer: bytes) -> None:
    async with server(saying(answer)) as url, client() as http:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await http.get(url)


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    silence = asyncio.Event()

    async def script(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await silence.wait()

    async with server(script) as url, client(httpx.Timeout(5, read=0.05)) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get(url)
        silence.set()


async def test_a_connection_that_ended_while_it_rested_is_not_used() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        async with client() as http:
            for _ in range(2):
                asked = asyncio.create_task(http.post(url, json={"a": 1}))
                connection, _ = await loop.sock_accept(listening)
                await loop.sock_recv(connection, 10_000)
                await loop.sock_sendall(connection, OK)
                assert (await asked).text == "ok"
                connection.close()  # the client's loop has no time to see it


async def test_a_request_is_sent_as_it_is() -> None:
    heard = bytearray()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        heard.extend(await reader.readexactly(7))
        writer.write(OK)
        await writer.drain()

    async with server(script) as url, client() as http:
        await http.post(f"{url}a b?c=%0d%0ad", json={"a": 1}, headers={"X-One": "1"})
    head, _, body = bytes(heard).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a%20b?c=%0d%0ad HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-One: 1\r\n" in head
    assert body == b'{"a":1}'


@pytest.mark.parametrize("value", ["a\r\nHost: b", "a\nb", "a\rb", "a\0b"])
async def test_a_header_can_not_smuggle_another(value: str) -> None:
    async with server(saying(OK)) as url, client() as http:
        with pytest.raises(httpx.LocalProtocolError):
            await http.get(url, headers={"Authorization": value})


async def test_a_body_of_unknown_length_is_not_sent() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"part"

    async with server(saying(OK)) as url, client() as http:
        with pytest.raises(httpx.LocalProtocolError):
            await http.post(url, content=parts())


async def test_a_compressed_body_comes_in_parts_that_can_be_stopped() -> None:
    packed = gzip.compress(bytes(32 * 1024 * 1024))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert PART_BYTES < len(packed) < ANSWER_BYTES_MAX
    async with (
        server(saying(head + packed)) as url,
        client() as http,
        http.stream("GET", url) as reply,
    ):
        first = await anext(reply.aiter_bytes())
    assert len(first) < 32 * 1024 * 1024


async def test_only_http_is_spoken() -> None:
    async with client() as http:
        with pytest.raises(httpx.UnsupportedProtocol):
            await http.get("ftp://127.0.0.1/")
