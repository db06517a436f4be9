"""A pager and a mailbox that keep what they are sent, and metrics that a test sets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from cift_local.ports import LOOPBACK

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


@dataclass
class World:
    """What was sent, and what is measured."""

    pages: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    metrics: str = ""
    scrapes: int = 0
    pager_port: int = 0
    mail_port: int = 0
    metrics_port: int = 0

    async def page(self, reader: Reader, writer: Writer) -> None:
        """Take one notification by HTTP."""
        self.pages.append(await _request(reader))
        await _reply(writer, "")

    async def scrape(self, reader: Reader, writer: Writer) -> None:
        """Answer one scrape."""
        await _request(reader)
        await _reply(writer, self.metrics)
        self.scrapes += 1

    async def mail(self, reader: Reader, writer: Writer) -> None:
        """Take one mail by SMTP (RFC 5321)."""
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            elif line.upper().startswith(b"QUIT"):
                break
            writer.write(b"250 ok\r\n")
        writer.write(b"221 bye\r\n")
        writer.close()


async def _request(reader: Reader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    lengths = [line for line in head.splitlines() if line.startswith("content-length:")]
    length = int(lengths[0].partition(":")[2]) if lengths else 0
    return (await reader.readexactly(length)).decode()


async def _reply(writer: Writer, body: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n{body}".encode())
    await writer.drain()
    writer.close()


@asynccontextmanager
async def serving_world() -> AsyncIterator[World]:
    """Serve all three on free ports while the block runs."""
    world = World()
    async with AsyncExitStack() as held:
        ports = []
        for handle in (world.page, world.mail, world.scrape):
            server = await held.enter_async_context(await asyncio.start_server(handle, LOOPBACK, 0))
            ports.append(server.sockets[0].getsockname()[1])
        world.pager_port, world.mail_port, world.metrics_port = ports
        yield world
