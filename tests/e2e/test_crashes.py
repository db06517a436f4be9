"""Kill any process at any moment: nothing is lost, nobody is charged twice.

Business rule: a payment the API accepted ends where the provider's own book says it must, whoever
died in between; only a push that died before its answer was stored stays open, because asking
the payer twice would be worse.

Real processes, real PostgreSQL, Apache Kafka, real HTTP, the provider's twin. Deaths at named
places are the directed run's: `python -m tests.chaos.points`.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cift_local.kafka import Kafka
from cift_local.stack import Options, Stack, running_stack
from tests.support.books import check_books, check_nothing_sent_twice
from tests.support.kafka import Broker, kafka_jars
from tests.support.load import Client, phones
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


@pytest.mark.parametrize(
    "service", ["gateway", "ledger", "mpesa-worker", "provider-sandbox", "postgres"]
)
async def test_kill_any_process_under_load(folder: Path, service: str) -> None:
    """Three kills while payments travel; it is back within ten seconds and everything ends."""
    async with stack_with(folder) as stack:
        client = await Client.of(stack)
        numbers = phones(30)

        async def load() -> list[str | None]:
            return list(
                await asyncio.gather(
                    *(_later(n * 0.1, client, number) for n, number in enumerate(numbers))
                )
            )

        sending = asyncio.create_task(load())
        for _ in range(3):
            await asyncio.sleep(0.9)
            stack.kill(service)
            await stack.wait_ready(service, timeout_s=10)
        ids = [each for each in await sending if each]
        open_pushes = await _open(client, ids)
        payments = [await client.get(f"/payments/{each}") for each in ids]
        assert {payment["status"] for payment in payments} <= {"completed", "processing"}
        if service not in ("mpesa-worker", "provider-sandbox", "postgres"):
            assert not open_pushes
        assert len(open_pushes) <= 10
        await check_books(stack, payments)
        await check_nothing_sent_twice(stack)


async def _later(delay_s: float, client: Client, number: str) -> str | None:
    await asyncio.sleep(delay_s)
    return await client.pay("deposit", "500.00", number, f"cus_{number}")


async def _open(client: Client, ids: list[str]) -> list[str]:
    """What is still open after a patient wait: pushes that died in mid-call."""
    try:
        await client.all_final(ids, within_s=25)
    except TimeoutError:
        payments = [await client.get(f"/payments/{each}") for each in ids]
        return [payment["id"] for payment in payments if payment["status"] == "processing"]
    return []


async def test_rolling_restart_under_load(folder: Path) -> None:
    """Every service is stopped politely and comes back, one after the other: nobody notices."""
    async with stack_with(folder) as stack:
        client = await Client.of(stack)
        numbers = phones(24)
        sending = asyncio.gather(
            *(_later(n * 0.2, client, number) for n, number in enumerate(numbers))
        )
        for service in ("gateway", "ledger", "mpesa-worker"):
            await asyncio.sleep(0.5)
            os.kill(pid_of(stack, service), signal.SIGTERM)
            await asyncio.sleep(0.3)
            await stack.wait_ready(service, timeout_s=20)
        ids = [each for each in await sending if each]
        payments = await client.all_final(ids)
        assert {payment["status"] for payment in payments} == {"completed"}
        await check_books(stack, payments)
        await check_nothing_sent_twice(stack)


async def test_the_broker_dies_under_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka killed with -9 and started again on its data: what it acknowledged is still there,
    producers recover by themselves, nothing is lost."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with (
        throw_away_folder("kafka") as kafka_folder,
        Kafka(kafka_folder, jars=kafka_jars()) as kafka,
        throw_away_folder("e2e") as folder,
    ):
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap)
        async with stack_with(folder) as stack:
            client = await Client.of(stack)
            sending = asyncio.gather(
                *(_later(n * 0.15, client, number) for n, number in enumerate(phones(24)))
            )
            await asyncio.sleep(1)
            kafka.kill()
            await asyncio.sleep(2)
            kafka.start()
            ids = [each for each in await sending if each]
            assert len(ids) == 24
            payments = await client.all_final(ids, within_s=90)
            assert {payment["status"] for payment in payments} == {"completed"}
            await check_books(stack, payments)
            await check_nothing_sent_twice(stack)


def pid_of(stack: Stack, service: str) -> int:
    (status,) = [status for status in stack.status() if status.name == service]
    assert status.pid
    return status.pid
