"""The twin as a process: the official library over real sockets, and ``kill -9``."""

import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
import stripe

from tests.contract.provider_sandbox.test_process import Process, free_port, receiver, wait_until
from tests.support.stripe_spec import Checker
from tests.support.stripe_twin import CARD_ONLY, SECRET_KEY, WEBHOOK_SECRET, open_library

PAY = {
    "amount": 2000,
    "currency": "usd",
    "confirm": True,
    "payment_method": "pm_card_visa",
    **CARD_ONLY,
}


@pytest.fixture
def folder(keys: Path, tmp_path: Path) -> Path:
    for file in keys.glob("*.pem"):
        shutil.copy(file, tmp_path)
    return tmp_path


@contextmanager
def running(
    folder: Path, port: int, hook: str, end: signal.Signals = signal.SIGTERM, **more: str
) -> Iterator[Process]:
    twin = Process(
        folder,
        port,
        STRIPE_SECRET_KEY=SECRET_KEY,
        STRIPE_WEBHOOK_URL=hook,
        STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        **more,
    )
    try:
        yield twin
    finally:
        twin.end(end)


@asynccontextmanager
async def official(port: int) -> AsyncIterator[stripe.StripeClient]:
    async with open_library(httpx.AsyncHTTPTransport()) as library:
        yield stripe.StripeClient(
            SECRET_KEY,
            base_addresses={"api": f"http://127.0.0.1:{port}"},
            http_client=library,
            max_network_retries=2,
            stripe_version="2026-08-26.dahlia",
        )


async def test_the_official_library_over_real_sockets(folder: Path) -> None:
    with receiver() as (address, got):
        port = free_port()
        with running(folder, port, f"{address}/webhooks/stripe", SPEED="50") as twin:
            order = {"operation": "stripe.payment_intents.create", "kind": "drop_after_effect"}
            twin.http.post("/control/faults", json=order)
            async with official(port) as client:
                # The library repeats the request with the same key after the dropped connection.
                paid = await client.v1.payment_intents.create_async(PAY, {"idempotency_key": "p1"})
                assert paid.status == "succeeded"
            wait_until(lambda: {"payment_intent.succeeded"} <= {event["type"] for event in got})
            assert len(twin.http.get("/control/book").json()["entries"]) == 1
            checker = Checker()
            for event in got:
                checker.event(event)


async def test_kill_9_loses_neither_payment_nor_key_nor_event(folder: Path) -> None:
    with receiver() as (address, got):
        port = free_port()
        hook = f"{address}/webhooks/stripe"
        with running(folder, port, hook, end=signal.SIGKILL, CALLBACK_LAG_S="600"):
            async with official(port) as client:
                paid = await client.v1.payment_intents.create_async(PAY, {"idempotency_key": "p1"})
        assert got == []
        with running(folder, port, hook) as twin:
            async with official(port) as client:
                again = await client.v1.payment_intents.create_async(PAY, {"idempotency_key": "p1"})
                other = await client.v1.payment_intents.create_async(PAY)
            assert again.id == paid.id != other.id
            twin.http.post("/control/clock", json={"advance_s": 700})
            wait_until(lambda: sum(e["type"] == "payment_intent.succeeded" for e in got) == 2)
            assert len(twin.http.get("/control/book").json()["entries"]) == 2
