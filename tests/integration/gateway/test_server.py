"""The API behind a real socket: slow and oversized requests, and a clean stop."""

import asyncio

import httpx
import pytest

from gateway.http.server_protocol import BoundedHttpProtocol
from gateway.payments.service import Payments
from tests.support.gateway import RunningGateway
from tests.support.payments import order, pay
from tests.support.served import listening

pytestmark = pytest.mark.integration


class HastyProtocol(BoundedHttpProtocol):
    head_timeout_s = 0.5


async def answer_to(port: int, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_over_a_socket(gateway: RunningGateway) -> None:
    key = await gateway.key()
    async with listening(gateway, HastyProtocol) as port:
        headers = {"Authorization": f"Bearer {key}"}
        base = f"http://127.0.0.1:{port}/api/v1"
        async with httpx.AsyncClient(base_url=base, headers=headers) as client:
            answer = await pay(client, order())
            assert answer.status_code == 202
            assert "server" not in answer.headers
            huge = await client.post("/webhooks/mpesa", content=b"x" * 10_000_000)
            assert huge.status_code == 413
            assert (await client.get("/payments")).status_code == 200

        # a head that does not come, or does not end
        assert await answer_to(port) == b""
        assert await answer_to(port, b"GET /docs HTTP/1.1\r\nHost: x\r\n") == b""
        endless = [b"GET /docs HTTP/1.1\r\n"] + [b"X-A: " + b"a" * 8000 + b"\r\n"] * 5
        assert b"431" in (await answer_to(port, *endless)).split(b"\r\n")[0]
        # a keep-alive connection may rest longer between its requests than a head may take
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"HEAD /docs HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"\r\n")
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.8)
        writer.close()


async def test_client_that_leaves_gives_its_slot_back(gateway: RunningGateway) -> None:
    client = await gateway.client()
    payment_id = (await pay(client, order())).json()["id"]
    slots = gateway.parts[Payments].waiting.slots
    async with listening(gateway, HastyProtocol) as port:
        url = f"http://127.0.0.1:{port}/api/v1/payments/{payment_id}/events"
        async with (
            httpx.AsyncClient(headers=dict(client.headers)) as other,
            other.stream("GET", url) as answer,
        ):
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    break
            assert slots._open.total() == 1
        async with asyncio.timeout(30):
            while slots._open.total():
                await asyncio.sleep(0.02)


async def test_stop_ends_streams_and_waits_in_order(gateway: RunningGateway) -> None:
    key = await gateway.key()
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=20) as client:
        async with listening(gateway, HastyProtocol) as port:
            client.base_url = httpx.URL(f"http://127.0.0.1:{port}/api/v1")
            payment_id = (await pay(client, order())).json()["id"]
            waiting = asyncio.create_task(pay(client, order(), Prefer="wait=60"))
            streaming = asyncio.create_task(client.get(f"/payments/{payment_id}/events"))
            slots = gateway.parts[Payments].waiting.slots
            while slots._open.total() < 2:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            assert (await waiting).status_code == 202
            assert "event: payment.pending" in (await streaming).text
