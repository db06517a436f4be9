"""A TCP proxy between two parts of the stack that can be told to behave like a bad network."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Literal, get_args

from cift_local.ports import LOOPBACK

Toxic = Literal["reset", "blackhole", "latency", "slices", "half_open", "refuse"]
TOXICS: tuple[Toxic, ...] = get_args(Toxic)
"""What a link can be told to do:

    reset      every connection is reset at once; new ones pass
    blackhole  nothing moves in either direction, then all that was held back arrives
    latency    each piece of data is late
    slices     data arrive a few bytes at a time
    half_open  answers are lost; afterwards the connections of that time stay silent for ever
    refuse     connections are reset, and new ones are refused
"""

LATENCY_S = 0.15
SLICE_BYTES = 7
_PIECE_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST instead of FIN."""


@dataclass(eq=False)
class _Pair:
    """One connection: the client's side, the server's side, and whether answers still pass."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_deaf: bool = False

    def reset(self) -> None:
        _reset(self.client)
        _reset(self.server)


def _reset(writer: asyncio.StreamWriter) -> None:
    end = writer.get_extra_info("socket")
    if end is not None:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


class Link:
    """A port of its own that passes on to another port of this machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.target: int | None = None
        """Where it passes on to; None refuses every connection."""
        self._toxic: Toxic | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._reset_all()

    def poison(self, toxic: Toxic) -> None:
        """Behave badly from now on; `reset` is over at once."""
        if toxic in ("reset", "refuse"):
            self._reset_all()
        self._toxic = None if toxic == "reset" else toxic
        if toxic == "blackhole":
            self._flows.clear()
        if toxic == "half_open":
            for pair in self._pairs:
                pair.is_deaf = True

    def heal(self) -> None:
        """Behave well again; what went deaf under `half_open` stays so."""
        self._toxic = None
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.target is None or self._toxic == "refuse":
                raise ConnectionRefusedError
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            _reset(writer)
            return
        pair = _Pair(writer, far_writer, is_deaf=self._toxic == "half_open")
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass_on(reader, far_writer))
                ways.create_task(self._pass_on(far_reader, writer, pair))
        except* OSError:
            pass  # one end is gone: the other one is told below
        finally:
            self._pairs.discard(pair)
            pair.reset()

    async def _pass_on(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        answers_of: _Pair | None = None,
    ) -> None:
        """Move data one way until that way ends.

        Raises:
            OSError: an end is gone.
        """
        while piece := await source.read(_PIECE_BYTES):
            await self._flows.wait()
            if answers_of is None or not answers_of.is_deaf:
                await self._write(sink, piece)
        if answers_of is None or not answers_of.is_deaf:
            sink.write_eof()

    async def _write(self, sink: asyncio.StreamWriter, piece: bytes) -> None:
        if self._toxic == "latency":
            await asyncio.sleep(LATENCY_S)
        if self._toxic != "slices":
            sink.write(piece)
            await sink.drain()
            return
        for start in range(0, len(piece), SLICE_BYTES):
            sink.write(piece[start : start + SLICE_BYTES])
            await sink.drain()
            await asyncio.sleep(0)

    def _reset_all(self) -> None:
        for pair in list(self._pairs):
            pair.reset()
