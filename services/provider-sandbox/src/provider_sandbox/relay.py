"""Pass TCP connections on, for tests in a cluster.

python -m provider_sandbox.relay LISTEN=TARGET ...

The twins listen on 127.0.0.1 only, and services accept a twin's address only if it is one of their
own machine, so that no setting of a test can reach another system. In a cluster a relay in each pod
joins the two: 127.0.0.1:8090 of a worker's pod is passed on to the pod of the twins.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """Where to listen, and where to connect to for each connection."""

    listen: tuple[str, int]
    target: tuple[str, int]

    @classmethod
    def parse(cls, text: str) -> "Route":
        """A route from `127.0.0.1:8090=twins:8090`.

        Raises:
            ValueError: it is something else.
        """
        listen, _, target = text.partition("=")
        return cls(_address(listen), _address(target))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


async def serve(routes: Sequence[Route], stop: asyncio.Event) -> None:
    """Pass connections on until `stop`; then cut those that are open.

    Raises:
        OSError: an address can't be listened on.
    """
    async with contextlib.AsyncExitStack() as servers:
        for route in routes:
            await servers.enter_async_context(await _listening(route))
        await stop.wait()


async def _listening(route: Route) -> asyncio.Server:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # either side may go away at any time
            await _pass_on(reader, writer, route.target)
        writer.close()

    return await asyncio.start_server(accept, *route.listen)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]
) -> None:
    out_reader, out_writer = await asyncio.open_connection(*target)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, out_writer))
            both.create_task(_copy(out_reader, writer))
    except* OSError:
        pass
    finally:
        out_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end; then tell the other side that nothing more comes."""
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _main(words: Sequence[str]) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await serve([Route.parse(word) for word in words], stop)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
