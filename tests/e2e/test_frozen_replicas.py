"""A replica that hangs without dying (SIGSTOP) stops nobody, and does no harm when it goes on.

Two processes of each service on Apache Kafka and PostgreSQL. Each service's relay leader is
stopped in turn, then each standby, under a stream of payments that must all end meanwhile.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg
import httpx
import pytest

from cift_local.accounts import provider_book
from cift_local.stack import Options, Stack, open_api, replica, running_stack
from tests.chaos.cluster.proxy import Link
from tests.support.books import check_nothing_sent_twice
from tests.support.kafka import Broker
from tests.support.merchant_client import MerchantClient, phones
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(580)]

SPEED = 40
PAYMENTS, GAP_S = 8, 0.5
ENDED_WITHIN_S = 60
"""For a loaded machine; a leader that is never replaced is found. What it took is printed."""
SCHEMAS = {"ledger": "ledger", "mpesa-worker": "mpesa", "card-worker": "card", "gateway": "gateway"}
LEADER = """
select split_part(process, '/', 3)::int from {schema}.lease
 where name = 'relay' and holder is not null and ends_at > clock_timestamp()
"""

Who = Literal["leader", "standby"]


@dataclass
class Pair:
    """A stack with two processes of each service, and a balancer before its gateways."""

    stack: Stack
    front: Link
    client: MerchantClient
    admin: "asyncpg.Connection[asyncpg.Record]"
    numbers: list[str]

    async def leader(self, service: str) -> int:
        """The pid of the process whose relay leads, once there is one."""
        sql = LEADER.format(schema=SCHEMAS[service])
        async with asyncio.timeout(ENDED_WITHIN_S):
            while (pid := await self.admin.fetchval(sql)) is None:
                await asyncio.sleep(0.1)
        return int(pid)

    async def until_leads(self, service: str, pid: int) -> None:
        """Wait for this process's relay to lead; the lease of one that hangs has to end first."""
        async with asyncio.timeout(ENDED_WITHIN_S):
            while await self.leader(service) != pid:
                await asyncio.sleep(0.1)

    def pids(self, service: str) -> dict[int, str]:
        """Both processes of a service: pid to name."""
        by_name = {status.name: status.pid for status in self.stack.status()}
        names = (replica(service, 1), replica(service, 2))
        return {by_name[name] or 0: name for name in names}

    def turn_to(self, gateway: str) -> None:
        """Send everybody to one gateway, as a balancer does with one that doesn't answer."""
        port = self.stack.ports[gateway]
        if self.front.target != port:
            self.front.target = port
            self.front.poison("reset")

    async def stream(self, began: float) -> tuple[list[str], list[float]]:
        """Some payments of both kinds, a moment apart; their ids, and when each had ended."""
        sent = []
        for n in range(PAYMENTS):
            paying = self._card() if n % 2 else self._phone()
            sent.append(asyncio.create_task(self._to_its_end(paying, began)))
            await asyncio.sleep(GAP_S)
        ended = await asyncio.gather(*sent)
        return [payment_id for payment_id, _ in ended], [seconds for _, seconds in ended]

    async def _to_its_end(self, paying: "Awaitable[str | None]", began: float) -> tuple[str, float]:
        payment_id = await paying
        assert payment_id is not None
        await self.client.all_final([payment_id], within_s=ENDED_WITHIN_S)
        return payment_id, round(time.monotonic() - began, 1)

    async def _phone(self) -> str | None:
        number = self.numbers.pop()
        return await self.client.pay("deposit", "500.00", number, f"cus_{number}")

    async def _card(self) -> str | None:
        body = {"token": "pm_card_visa"}
        return await self.client.pay_by("card", "USD", "12.00", body, f"cus_{len(self.numbers)}")


@asynccontextmanager
async def running_pair(folder: Path) -> AsyncIterator[Pair]:
    front = Link("front")
    await front.start()
    at = f"http://127.0.0.1:{front.port}"
    options = Options(
        folder,
        speed=SPEED,
        prefer_ports=False,
        replicas=2,
        extra_env={
            "MPESA_CALLBACK_URL": f"{at}/api/v1/webhooks/mpesa",
            "CIFT_SANDBOX_STRIPE_WEBHOOK_URL": f"{at}/api/v1/webhooks/stripe",
        },
    )
    async with running_stack(options) as stack:
        front.target = stack.ports["gateway"]
        admin = await asyncpg.connect(stack.database_url)
        client = MerchantClient(at, await open_api(stack, "m_load"))
        yield Pair(stack, front, client, admin, phones(200))
        await admin.close()
    await front.stop()


@pytest.fixture
def folder(real_kafka: Broker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", real_kafka.bootstrap)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with throw_away_folder("e2e") as path:
        yield path


async def play(pair: Pair, service: str, who: Who) -> list[str]:
    """Stop one replica, pay meanwhile, let it go on, pay again; the payments' ids."""
    leader, pids = await pair.leader(service), pair.pids(service)
    other = next(pid for pid in pids if pid != leader)
    stopped, left = (leader, other) if who == "leader" else (other, leader)
    if service == "gateway":
        pair.turn_to(pids[left])
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    try:
        during, took = await pair.stream(began)
        print(f"{who} of {service} hangs; ended so many seconds after: {took}")
        await pair.until_leads(service, left)
    finally:
        os.kill(stopped, signal.SIGCONT)
    after, _ = await pair.stream(began)
    assert await pair.leader(service) == left
    assert set(pair.pids(service)) == set(pids), "a process was lost"
    return [*during, *after]


@pytest.mark.parametrize("who", ["leader", "standby"])
async def test_payments_go_on_while_a_replica_hangs(folder: Path, who: Who) -> None:
    async with running_pair(folder) as pair:
        ids = []
        for service in SCHEMAS:
            ids += await play(pair, service, who)
        assert len(ids) == 2 * PAYMENTS * len(SCHEMAS)
        payments = await pair.client.all_final(ids)
        assert {payment["status"] for payment in payments} == {"completed"}
        receipts = [entry["receipt"] for entry in await provider_book(pair.stack)]
        assert len(receipts) == len(set(receipts)) == len(ids)
        await check_nothing_sent_twice(pair.stack)
        pair.stack.cift("verify-books")
        async with httpx.AsyncClient(base_url=pair.stack.url("provider-sandbox")) as twin:
            cards = (await twin.get("/control/stripe/payments")).json()["payments"]
        assert len(cards) == PAYMENTS * len(SCHEMAS)
        assert {card["charged"] for card in cards.values()} == {12_00}
