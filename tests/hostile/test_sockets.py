"""A real gateway process under slow senders, floods, huge bodies and crowds: others are served.

    python -m gateway, as it runs everywhere; the strangers are plain sockets

Bounds, not speeds: a connection must end, an answer must come, memory must not follow the load.
In one process with short time-outs: `integration/gateway/test_server.py`; streams per key:
`integration/gateway/test_events.py`; what one source may post: `test_webhooks.py` beside it.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from cift_local.ports import free_port
from gateway.auth.authenticator import SCOPES
from gateway.auth.cli import insert_key
from gateway.auth.key_format import new_key
from gateway.settings import GatewaySettings
from tests.hostile.mutations import RAW
from tests.support.gateway import settings_for
from tests.support.payments import PHONE, order, pay

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(240)]

PATIENCE_S = 60
IDLE = httpx.Limits(keepalive_expiry=1)
"""The server closes idle connections after 5 s, as httpx does: a request could meet the end."""
RSS_GROWTH_MAX = 40 * 1024 * 1024
PER_SECOND = 20
STREAMS = 3
CONNECTIONS = 300
FLOOD = 1_800
CARD_NUMBER = "4242424242424242"


@dataclass
class Process:
    """A gateway of its own process."""

    port: int
    pid: int
    log: Path
    settings: GatewaySettings
    database: str

    async def client(self) -> httpx.AsyncClient:
        """A caller with a key of its own."""
        made = new_key("test")
        connection = await asyncpg.connect(self.database)
        try:
            await insert_key(
                connection, made, self.settings.vault(), merchant=f"m_{made.key_id.lower()}",
                name="test", scopes=SCOPES, now=self.settings_now(), expires_at=None,
            )  # fmt: skip
        finally:
            await connection.close()
        return httpx.AsyncClient(
            limits=IDLE,
            base_url=f"http://127.0.0.1:{self.port}/api/v1",
            headers={"Authorization": f"Bearer {made}"},
            timeout=PATIENCE_S,
        )

    @staticmethod
    def settings_now():
        from cift_shared.clock import SystemClock

        return SystemClock().now()

    @property
    def rss(self) -> int:
        """Memory in bytes."""
        return psutil.Process(self.pid).memory_info().rss


@asynccontextmanager
async def running(database: str, folder: Path) -> AsyncIterator[Process]:
    settings = settings_for(database)
    port, ops_port, log = free_port(), free_port(), folder / "gateway.log"
    env = {
        **os.environ,
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "CIFT_DATA_KEYS": settings.data_keys.get_secret_value(),
        "CIFT_INDEX_KEY": settings.index_key.get_secret_value(),
        "CIFT_CALLBACK_KEY": settings.callback_key.get_secret_value(),
        "CIFT_HTTP_PORT": str(port),
        "CIFT_OPS_PORT": str(ops_port),
        "CIFT_GATEWAY_REQUESTS_PER_SECOND": str(PER_SECOND),
        "CIFT_GATEWAY_STREAMS_PER_KEY": str(STREAMS),
        "STRIPE_WEBHOOK_SECRET": "whsec_test_secret",
    }
    files = CONNECTIONS + 200
    program = (
        f"import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files})); "
        "runpy.run_module('gateway', run_name='__main__')"
    )
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, env=env, stdout=out, stderr=out
        )
    try:
        served = Process(port, process.pid, log, settings, database)
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http:
            while process.returncode is None:
                try:
                    if (await http.get(f"http://127.0.0.1:{ops_port}/readyz")).is_success:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield served
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.fixture
async def gateway(database: str, tmp_path: Path) -> AsyncIterator[Process]:
    async with running(database, tmp_path) as process:
        yield process


async def ends(reader: asyncio.StreamReader) -> bytes:
    """What a connection still says until the other side closes it."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def drips(process: Process, head: bytes, drop: bytes) -> bytes:
    """Sends a head and then a drop now and then, until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
    writer.write(head)
    told = asyncio.create_task(ends(reader))
    try:
        while not told.done():
            writer.write(drop)
            await asyncio.wait([told], timeout=0.5)
    finally:
        writer.close()
    return await told


def post(path: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_slow_senders_are_hung_up_on(gateway: Process) -> None:
    """A byte now and then: in the head, in a body that is read, in one that nobody reads."""
    hooks = "/api/v1/webhooks/mpesa"
    heads = {
        "head": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ",
        "body": post(hooks, "Content-Length: 1000"),
        "chunk size": post(hooks, "Transfer-Encoding: chunked") + b"0000000",
        "refused already": post("/nowhere", "Content-Length: 1000"),
        "unknown token": post("/api/v1/callbacks/" + "0" * 66, "Content-Length: 1000"),
        "nothing": b"",
    }
    client = await gateway.client()
    async with client:
        slow = {
            name: asyncio.create_task(drips(gateway, head, b"0")) for name, head in heads.items()
        }
        assert (await pay(client, order())).status_code == 202
        told = {name: await task for name, task in slow.items()}
    assert told["body"].startswith(b"HTTP/1.1 408")
    for name in ("refused already", "unknown token"):
        assert told[name].startswith(b"HTTP/1.1 404"), name


async def test_endless_bodies_get_their_answer_early(gateway: Process) -> None:
    """No length, no end: the refusal comes while the sender is still at it, then the line ends."""
    before = gateway.rss
    for path, status in (("/api/v1/webhooks/mpesa", b"413"), ("/nowhere", b"404")):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(post(path, "Transfer-Encoding: chunked"))
        told = asyncio.create_task(ends(reader))
        chunk = b"%x\r\n%b\r\n" % (65_536, b"x" * 65_536)
        sent = 0
        while not told.done():
            try:
                writer.write(chunk)
                await writer.drain()
            except ConnectionError:
                break
            sent += len(chunk)
            assert sent < 1024 * 1024 * 1024
        assert (await told)[:12] in (b"HTTP/1.1 " + status, b"")  # a reset may swallow the answer
        writer.close()
    for filler in (b"1;" + b"x" * 70_000, b"0\r\n" + b"X: y\r\n" * 15_000):  # between the parts
        head = post("/api/v1/webhooks/mpesa", "Transfer-Encoding: chunked")
        said = await drips(gateway, head, filler)
        assert said[:12] in (b"HTTP/1.1 431", b"")
    async with await gateway.client() as client:
        huge = await client.post("/webhooks/mpesa", content=b"x" * 10_000_000)
        assert huge.status_code == 413
        assert (await client.post("/payments", content=b"x" * 10_000_000)).status_code == 413
        assert (await pay(client, order())).status_code == 202
    assert gateway.rss - before < RSS_GROWTH_MAX


async def test_idle_crowds_make_room(gateway: Process) -> None:
    """More connections than there may be: who has rested longest goes, whoever asks is answered."""
    crowd = []
    # the connection of an earlier payment has rested long: it may be closed while it is used again
    fresh = {"Connection": "close"}
    async with await gateway.client() as client:
        before = gateway.rss
        for number in range(3 * CONNECTIONS):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(b"GET / HTTP/1.1\r\n" if number % 2 else b"")
            crowd.append((reader, writer))
            if number % CONNECTIONS == 0:
                assert (await pay(client, order(), **fresh)).status_code == 202
        assert (await pay(client, order(), **fresh)).status_code == 202
        assert gateway.rss - before < RSS_GROWTH_MAX
        process = psutil.Process(gateway.pid)
        assert process.num_fds() <= CONNECTIONS + 200
        for reader, writer in crowd:
            await ends(reader)
            writer.close()


async def test_flood_of_notices_harms_nobody(gateway: Process) -> None:
    """Unknown paths, bad signatures, garbage: refused or bounded, while others pay.

    A query is refused where callers of ours read, and is no matter where providers post.
    """
    secrets = [PHONE, CARD_NUMBER, "whsec_test_secret", "Zm9vYmFyLXNlY3JldA"]
    words = " ".join(secrets)
    garbage = [*RAW[:20], json.dumps({"PhoneNumber": int(PHONE), "card": words}).encode()]
    before, statuses = gateway.rss, Counter[int]()

    async def flood(http: httpx.AsyncClient, number: int) -> None:
        body = garbage[number % len(garbage)] + str(number).encode()
        match number % 3:
            case 0:
                answer = await http.post(f"/callbacks/{number:066x}", content=body)
            case 1:
                signed = {"Stripe-Signature": f"t={number},v1=" + "a" * 64 + "," + words}
                answer = await http.post("/webhooks/stripe", content=body, headers=signed)
            case _ if number % 2:
                answer = await http.get(f"{root}/openapi.json?q={CARD_NUMBER}")
            case _:
                query = f"?q={CARD_NUMBER}" if number % 4 else ""
                answer = await http.post(f"/webhooks/mpesa{query}", content=body)
        statuses[answer.status_code] += 1
        if answer.status_code == 429:
            assert answer.headers["retry-after"] == "1"

    root = f"http://127.0.0.1:{gateway.port}"
    base = f"{root}/api/v1"
    async with (
        await gateway.client() as client,
        httpx.AsyncClient(base_url=base, limits=IDLE) as http,
    ):
        http.timeout = PATIENCE_S
        for start in range(0, FLOOD, 30):
            await asyncio.gather(*(flood(http, start + n) for n in range(30)))
            if start % 300 == 0:
                assert (await pay(client, order())).status_code == 202
    assert set(statuses) <= {200, 400, 404, 422, 429}
    assert statuses[422] == FLOOD // 6  # reads with a query
    assert statuses[404] == statuses[400] == FLOOD // 3
    assert statuses[200] + statuses[429] == FLOOD // 6
    assert gateway.rss - before < RSS_GROWTH_MAX
    log = gateway.log.read_text()
    for secret in secrets:
        assert secret not in log


async def test_flood_by_one_key_harms_no_other(gateway: Process) -> None:
    """One key is told to slow down; another is served at once, and keeps its own share."""
    before, statuses = gateway.rss, Counter[int]()
    async with await gateway.client() as greedy, await gateway.client() as modest:
        for start in range(0, FLOOD, 60):
            answers = await asyncio.gather(*(greedy.get("/payments") for _ in range(60)))
            statuses.update(answer.status_code for answer in answers)
            refused = next((one for one in answers if one.status_code == 429), None)
            if refused is not None:
                assert refused.json()["code"] == "too_many_requests"
                assert refused.headers["retry-after"] == "1"
            if start % 600 == 0:
                assert (await pay(modest, order())).status_code == 202
        assert set(statuses) == {200, 429}
        assert statuses[429] > 0
        assert statuses[200] >= PER_SECOND  # the burst
        assert gateway.rss - before < RSS_GROWTH_MAX


async def test_streams_of_a_key_are_counted(gateway: Process) -> None:
    async with await gateway.client() as client, await gateway.client() as other:
        paid = (await pay(client, order())).json()["id"]
        events, held = f"/payments/{paid}/events", []
        for _ in range(STREAMS):
            request = client.build_request("GET", events)
            held.append(await client.send(request, stream=True))
        assert {answer.status_code for answer in held} == {200}
        refused = await client.get(events)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert (await pay(other, order())).status_code == 202
        for answer in held:
            await answer.aclose()
