"""A new release is rolled out under load: nothing is lost, nobody is charged twice.

Real processes, real PostgreSQL, Apache Kafka, real HTTP, the provider's twin. Deaths without a word
are played by `python -m tests.chaos` and, place by place, by `python -m tests.chaos.points`.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cift_local.stack import Options, Stack, running_stack
from tests.support.books import check_books, check_nothing_sent_twice
from tests.support.kafka import Broker
from tests.support.merchant_client import MerchantClient, phones
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(240)]

SPEED = 40


@asynccontextmanager
async def stack_with(folder: Path) -> AsyncIterator[Stack]:
    async with running_stack(Options(folder, speed=SPEED, prefer_ports=False)) as stack:
        yield stack


@pytest.fixture
def folder(real_kafka: Broker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", real_kafka.bootstrap)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with throw_away_folder("e2e") as path:
        yield path


async def _later(delay_s: float, client: MerchantClient, number: str) -> str | None:
    await asyncio.sleep(delay_s)
    return await client.pay("deposit", "500.00", number, f"cus_{number}")


async def test_rolling_restart_under_load(folder: Path) -> None:
    """Every service is stopped politely and comes back, one after the other: nobody notices."""
    async with stack_with(folder) as stack:
        client = await MerchantClient.of(stack)
        numbers = phones(24)
        sending = asyncio.gather(
            *(_later(n * 0.2, client, number) for n, number in enumerate(numbers))
        )
        workers = ("mpesa-worker", "card-worker", "paypal-worker", "crypto-watcher")
        for service in ("gateway", "ledger", *workers):
            await asyncio.sleep(0.5)
            os.kill(pid_of(stack, service), signal.SIGTERM)
            await asyncio.sleep(0.3)
            await stack.wait_ready(service, timeout_s=20)
        ids = [each for each in await sending if each]
        payments = await client.all_final(ids)
        assert {payment["status"] for payment in payments} == {"completed"}
        await check_books(stack, payments)
        await check_nothing_sent_twice(stack)


def pid_of(stack: Stack, service: str) -> int:
    (status,) = [status for status in stack.status() if status.name == service]
    assert status.pid
    return status.pid
