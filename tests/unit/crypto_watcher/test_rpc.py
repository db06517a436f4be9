"""A node's answers, over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from chain_watch.rpc import BODY_BYTES_MAX, Endpoint, JsonRpc, NodeFailed

LARGEST_BLOCK_BYTES = 4_000_000
"""Of Bitcoin's consensus (BIP 141); nodes send it in hex."""


class Node:
    """Answers every call with a text of so many letters."""

    def __init__(self) -> None:
        self.letters = self.port = 0
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        asked = json.loads(await reader.readexactly(length))
        body = b'{"id":%d,"error":null,"result":"%s"}' % (asked["id"], b"a" * self.letters)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()
        with suppress(ConnectionError):  # who refuses the answer leaves before its end
            await writer.wait_closed()
        self.ended.set()


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    await made.ended.wait()
    listening.close()


async def test_the_largest_block_is_read(node: Node) -> None:
    node.letters = 2 * LARGEST_BLOCK_BYTES
    rpc = JsonRpc(Endpoint("node-1", f"http://127.0.0.1:{node.port}/"), "bitcoin", timeout_s=60)
    assert len(await rpc.call("getblock")) == node.letters
    await rpc.close()


async def test_a_longer_answer_than_any_block_is_refused(node: Node) -> None:
    node.letters = BODY_BYTES_MAX + 1
    rpc = JsonRpc(Endpoint("node-1", f"http://127.0.0.1:{node.port}/"), "bitcoin", timeout_s=60)
    with pytest.raises(NodeFailed):
        await rpc.call("getblock")
    await rpc.close()
