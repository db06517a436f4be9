"""The card worker as a process of its own, killed between two lines, on a broker and a database.

The twin runs as a process too; its book is the judge.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from cift_local.ports import free_port
from cift_shared.attempts.store import attempt_id_of
from cift_shared.kafka import create_topics
from cift_shared.kafka.producer import Producer
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.messages import PaymentResult
from cift_shared.messaging.topics import all_topics, commands
from cift_shared.security.kafka import Brokers
from tests.support import cards
from tests.support.commands import CALLBACK_KEY, CLOCK, DATA_KEYS, INDEX_KEY
from tests.support.eventually import eventually
from tests.support.kafka import running_embedded_broker

pytestmark = pytest.mark.integration

PLACES = ["worker.before_call", "card.after_create", "card.before_confirm", "card.after_confirm"]


@asynccontextmanager
async def running(module: str, env: dict[str, str], log: Path) -> AsyncIterator[Process]:
    """A process of ours until the block ends."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, env={**os.environ, **env}, stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@asynccontextmanager
async def running_twin(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    env = {
        "CIFT_SANDBOX_HTTP_PORT": str(port),
        "CIFT_SANDBOX_STATE": str(folder / "twin.sqlite3"),
        "CIFT_SANDBOX_CONSUMER_KEY": "unused",
        "CIFT_SANDBOX_CONSUMER_SECRET": "unused",
        "CIFT_SANDBOX_PASSKEY": "unused",
        "CIFT_SANDBOX_INITIATOR_PASSWORD": "unused",
        "CIFT_SANDBOX_STRIPE_SECRET_KEY": cards.SECRET_KEY,
    }
    base = f"http://127.0.0.1:{port}"
    async with (
        running("provider_sandbox", env, folder / "twin.log"),
        httpx.AsyncClient(base_url=base) as http,
    ):

        async def up() -> bool:
            try:
                return (await http.get("/control/pending")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(up, "the twin")
        yield http


def worker_env(folder: Path, database: str, bootstrap: str, twin: httpx.AsyncClient) -> dict:
    return {
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "CIFT_OPS_PORT": str(free_port()),
        "CIFT_DATA_KEYS": DATA_KEYS,
        "CIFT_INDEX_KEY": INDEX_KEY,
        "CIFT_CALLBACK_KEY": CALLBACK_KEY,
        "STRIPE_SECRET_KEY": cards.SECRET_KEY,
        "STRIPE_PUBLISHABLE_KEY": cards.PUBLISHABLE_KEY,
        "STRIPE_API_BASE": str(twin.base_url).rstrip("/"),
        "CIFT_FAILPOINT_FILE": str(folder / "failpoint"),
    }


@pytest.mark.timeout(240)
@pytest.mark.parametrize("place", PLACES)
async def test_a_worker_killed_between_two_lines_charges_once(
    database: str, tmp_path: Path, place: str
) -> None:
    command = cards.deposit(clock=CLOCK)
    with running_embedded_broker() as broker:
        await create_topics(Brokers(broker.bootstrap), all_topics())
        producer = Producer(Brokers(broker.bootstrap), name="probe")
        message = outgoing(commands("card"), command, source="probe", at=CLOCK.now())
        assert await producer.publish([message]) == [True]
        await producer.close()
        async with running_twin(tmp_path) as twin:
            env = worker_env(tmp_path, database, broker.bootstrap, twin)
            log = tmp_path / "worker.log"
            (tmp_path / "failpoint").write_text(place)
            async with running("card_worker", env, log) as worker:
                assert await worker.wait() == -signal.SIGKILL, log.read_text()
            async with running("card_worker", env, log):
                result = await settled(database, command.payment_id)
            moved: dict[str, Any] = (await twin.get("/control/stripe/payments")).json()["payments"]
    (row,) = moved.values()  # one intent, charged once
    assert (row["status"], row["charged"]) == ("succeeded", 20_00)
    assert result.amount == command.amount
    for secret in (cards.SECRET_KEY, "_secret_", "pm_card_visa"):
        assert secret not in log.read_text()


async def settled(database: str, payment_id: Any) -> PaymentResult:
    connection = await asyncpg.connect(database)

    async def look() -> PaymentResult | None:
        row = await connection.fetchrow(
            "select last_result from card.attempt where attempt_id = $1 and state = 'done'",
            attempt_id_of(payment_id),
        )
        return PaymentResult.model_validate_json(row["last_result"]) if row else None

    try:
        result: PaymentResult = await eventually(look, "the settlement")
    finally:
        await connection.close()
    assert result.kind == "settled"
    return result
