"""CPU of an HTTP call: our transport beside httpx's own, and httpx's client.

Run by hand: `python -m tests.bench.measure_clients`. Prints microseconds of CPU of the calling
process for one POST with a JSON answer over kept-alive connections, one call at a time and 16 at
once; medians of rounds in which the clients take turns. The server is a process of its own.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import uvloop

from cift_local.ports import LOOPBACK, free_port
from cift_shared.http.transport import HttpTransport

CALLS, ROUNDS, AT_ONCE = 2_000, 5, (1, 16)
BODY = b'{"MerchantRequestID":"29115-34620561-1","ResponseCode":"0"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
HEADERS = {"Authorization": "Bearer token", "Content-Type": "application/json"}
TIMEOUT = httpx.Timeout(10)
Call = Callable[[], Awaitable[None]]


class Answering(asyncio.Protocol):
    """Answers each request, which fits into one read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * data.count(b"POST "))


async def serve(port: int) -> None:
    """Answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Answering, LOOPBACK, port)
    await server.serve_forever()


@asynccontextmanager
async def running_server() -> AsyncIterator[str]:
    """The address of a server in another process."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.measure_clients", "serve", str(port)
    )
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
                break
            except OSError:
                await asyncio.sleep(0.05)
        writer.close()
        yield f"http://{LOOPBACK}:{port}/mpesa/stkpush/v1/processrequest"
    finally:
        process.kill()
        await process.wait()


async def by_transport(transport: httpx.AsyncBaseTransport, url: str) -> None:
    """One call as a worker makes it, without a client."""
    request = httpx.Request(
        "POST", url, headers=HEADERS, content=BODY, extensions={"timeout": TIMEOUT.as_dict()}
    )
    response = await transport.handle_async_request(request)
    await response.aread()


async def by_client(client: httpx.AsyncClient, url: str) -> None:
    """One call of httpx's client."""
    await client.post(url, headers=HEADERS, content=BODY)


async def cpu_us(call: Call, at_once: int) -> float:
    """CPU microseconds of a call."""

    async def repeat() -> None:
        for _ in range(CALLS // at_once):
            await call()

    began = time.process_time()
    await asyncio.gather(*(repeat() for _ in range(at_once)))
    return (time.process_time() - began) / CALLS * 1e6


async def main() -> None:
    """Measure, and print a line for each client."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running_server())
        limits = httpx.Limits(max_connections=max(AT_ONCE))
        ours = await stack.enter_async_context(HttpTransport(max(AT_ONCE)))
        theirs = await stack.enter_async_context(httpx.AsyncHTTPTransport(limits=limits))
        client = await stack.enter_async_context(httpx.AsyncClient(limits=limits, timeout=TIMEOUT))
        calls: dict[str, Call] = {
            "HttpTransport": partial(by_transport, ours, url),
            "httpx.AsyncHTTPTransport": partial(by_transport, theirs, url),
            "httpx.AsyncClient": partial(by_client, client, url),
        }
        found: dict[str, list[list[float]]] = {name: [] for name in calls}
        for _ in range(ROUNDS + 1):  # the first round warms up
            for name, call in calls.items():
                found[name].append([await cpu_us(call, at_once) for at_once in AT_ONCE])
    for name, rounds in found.items():
        medians = [statistics.median(column) for column in zip(*rounds[1:], strict=True)]
        print(f"{name:28}" + "".join(f"{us:8.0f} us" for us in medians))


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[2])) if sys.argv[1:2] == ["serve"] else main())
