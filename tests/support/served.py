"""A gateway behind a real socket, as its own program serves it, with something in its books.

python -m tests.support.served DSN      serves until SIGTERM; the line "served {...}" tells where
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import uvicorn

from cift_shared.clock import SystemClock
from cift_shared.kafka import Record
from cift_shared.messaging.rail_status import NetworkFee, RailStatus
from cift_shared.messaging.topics import RAIL_STATUSES
from cift_shared.money.amount import Money
from cift_shared.rails.registry import rails
from gateway.database.notifications import PaymentSignals
from gateway.http.server_protocol import STOP, BoundedHttpProtocol
from gateway.payment_methods import service
from gateway.payment_options.statuses import RailStatusHandler
from gateway.payments import event_stream
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payment_methods import CARD_DETAILS
from tests.support.payments import card_order, order, pay

DISPUTE = "du_1"
CUSTOMER = "c_1"
REPORT_EVERY_S = 5


@dataclass(frozen=True)
class Served:
    """Where a gateway is served, a key of it, and what there is to ask for."""

    base_url: str
    authorization: str
    payment_id: str
    method_id: str


@asynccontextmanager
async def listening(
    gateway: RunningGateway, protocol: type[BoundedHttpProtocol] = BoundedHttpProtocol
) -> AsyncIterator[int]:
    """Serve on a free port of this machine; answers the port."""
    config = uvicorn.Config(
        gateway.app, port=0, http=protocol, lifespan="off", log_config=None,
        access_log=False, server_header=False, proxy_headers=False, timeout_graceful_shutdown=30,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    server.lifespan.state[STOP] = gateway.parts[PaymentSignals].stop
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@contextmanager
def _hurried() -> Iterator[None]:
    """Short waits while it lasts; what runs in this process afterwards has its own again."""
    kept = event_stream.HEARTBEAT_S, event_stream.STREAM_S_MAX, service.WAIT_S
    event_stream.HEARTBEAT_S, event_stream.STREAM_S_MAX, service.WAIT_S = 0.1, 0.2, 0
    try:
        yield
    finally:
        event_stream.HEARTBEAT_S, event_stream.STREAM_S_MAX, service.WAIT_S = kept


@asynccontextmanager
async def serving(dsn: str) -> AsyncIterator[Served]:
    """Serve a gateway over a fresh database that has one thing of each kind in it."""
    # no worker settles or answers what is made here: a stream would go on for ever, and each wish
    # to save a card would be waited for in vain
    with _hurried():
        async with running_gateway(
            dsn, streams_per_key=1_000, requests_per_second=100_000
        ) as gateway:
            client = await gateway.client()
            payment = await gateway.funded(client, CUSTOMER, "1000.00")
            phone = {"method": "mpesa", "customer_id": CUSTOMER, "phone": "+254712345678"}
            await client.post("/payment-methods", json=phone)
            saved = await _card(gateway, client)
            await _disputed(gateway, client)
            await pay(client, order())
            async with listening(gateway) as port, _network_fees(gateway):
                yield Served(
                    f"http://127.0.0.1:{port}",
                    client.headers["authorization"],
                    payment["id"],
                    saved["id"],
                )


@asynccontextmanager
async def _network_fees(gateway: RunningGateway) -> AsyncIterator[None]:
    """Report what networks charge while it lasts, as the workers of such rails do."""

    async def report() -> None:
        while True:
            now = SystemClock().now()
            for rail in rails().values():
                fees = [
                    NetworkFee(
                        type=direction, currency=currency, fee=Money(0, currency), estimated_at=now
                    )
                    for currency in rail.currencies
                    for direction in ("deposit", "withdrawal")
                ]
                status = RailStatus(
                    rail=rail.name, instance="w-0", available=True, reported_at=now,
                    network_fees=fees if rail.estimates_network_fee else None,
                )  # fmt: skip
                body = status.model_dump_json(exclude_none=True).encode()
                await gateway.parts[RailStatusHandler]([Record(RAIL_STATUSES, 0, 0, None, body)])
            await asyncio.sleep(REPORT_EVERY_S)

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        reporting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reporting


async def _card(gateway: RunningGateway, client: httpx.AsyncClient) -> Any:
    """A card that its customer has to enter."""
    wish = {"method": "card", "customer_id": CUSTOMER}
    answer = await client.post("/payment-methods", json=wish, headers={"Prefer": "wait=0"})
    await gateway.answer(answer.json()["id"], "action_required", client_secret="secret")
    return answer.json()


async def _disputed(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    """A deposit by card whose payer wants it back."""
    payment = (await pay(client, card_order())).json()
    await gateway.settle(payment["id"], card=CARD_DETAILS)
    amount = {"minor": "2000", "currency": "USD"}
    news: dict[str, Any] = {
        "reference": DISPUTE,
        "status": "needs_response",
        "reason": "fraudulent",
    }
    news |= {"amount": amount, "withdrawn": amount}
    assert await gateway.result(payment["id"], "disputed", dispute=news) == "applied"


async def _main(dsn: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serving(dsn) as served:
        print("served", json.dumps(asdict(served)), flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads the log
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
