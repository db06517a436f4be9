"""TLS in front of a PostgreSQL that has none: the embedded server is built without it.

It answers the client's SSLRequest, does the handshake, and passes the session on. Source of the
request: PostgreSQL 18, protocol, section 54.2.11.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cift_local.ports import LOOPBACK

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_CHUNK = 65_536


@asynccontextmanager
async def tls_front(port: int, certificate: Path, key: Path) -> AsyncIterator[int]:
    """The port at which the server at `port` is reached with TLS, and only with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            if await reader.readexactly(len(_SSL_REQUEST)) == _SSL_REQUEST:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
                server_reader, server_writer = await asyncio.open_connection(LOOPBACK, port)
                await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
