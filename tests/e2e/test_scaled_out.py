"""Two replicas of every service on three Kafka brokers: a broker and replicas die under load.

Topics have three copies, of which two must have a record before it counts. No acknowledged payment
is lost, none is sent twice, and every end is told on `payments.events`. The figures are printed.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from cift_local.accounts import ledger_balances, provider_book, twin_balances
from cift_local.stack import Options, Stack, running_stack
from cift_shared.kafka import create_topics
from cift_shared.kafka.history import records_since
from cift_shared.messaging import topics
from cift_shared.security.kafka import Brokers
from tests.support.books import check_nothing_sent_twice
from tests.support.kafka_cluster import NODES, KafkaCluster, running_kafka_cluster
from tests.support.merchant_client import MerchantClient, phones
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(600)]

SPEED = 40
REPLICAS = 2
BEFORE, DURING, AFTER = 10, 20, 10
"""Payments before the deaths, while a broker is away, and after it is back."""
GAP_S = 0.3
TOLD_WITHIN_S = 90.0
KILLED = ("mpesa-worker-2", "ledger", "gateway-2")


@contextmanager
def cluster_for(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, KafkaCluster]]:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    with throw_away_folder("scaled") as folder, running_kafka_cluster(folder) as cluster:
        asyncio.run(
            create_topics(Brokers(cluster.bootstrap), topics.all_topics(), replication=NODES)
        )
        yield folder, cluster


class Load:
    """Payments of both directions and two rails, through both gateways by turns."""

    def __init__(self, clients: list[MerchantClient]) -> None:
        self._clients = clients
        self._numbers = phones(BEFORE + DURING + AFTER)
        self._sent: list[asyncio.Task[str]] = []
        self.accepted_at: list[float] = []

    async def fund(self) -> str:
        """The deposit from which the withdrawals are paid."""
        return await self._pay(0, "deposit", "5000.00")

    async def send(self, count: int) -> None:
        """Send so many more payments, without waiting for their answers."""
        for _ in range(count):
            place = len(self._sent)
            kind, amount = ("withdrawal", "100.00") if place % 3 == 2 else ("deposit", "250.00")
            self._sent.append(asyncio.create_task(self._pay(place, kind, amount)))
            await asyncio.sleep(GAP_S)

    async def all_accepted(self) -> list[str]:
        """The payments' ids."""
        return await asyncio.gather(*self._sent)

    async def _pay(self, place: int, kind: str, amount: str) -> str:
        client = self._clients[place % len(self._clients)]
        if kind == "deposit" and place % 5 == 1:
            card = {"token": "pm_card_visa"}
            paid = await client.pay_by("card", "USD", "20.00", card, f"cus_{place}")
        else:
            phone, customer = (
                self._numbers[place],
                "cus_0" if kind == "withdrawal" else f"cus_{place}",
            )
            paid = await client.pay(kind, amount, phone, customer)
        assert paid is not None, client.refused
        self.accepted_at.append(time.monotonic())
        return paid


async def clients_of(stack: Stack) -> list[MerchantClient]:
    first = await MerchantClient.of(stack)
    return [first, MerchantClient(stack.url("gateway-2"), first.api_key)]


async def told(cluster: KafkaCluster, began: datetime) -> set[str]:
    """The payments whose completion is on `payments.events`."""
    found = set()
    async for batch in records_since(Brokers(cluster.bootstrap), [topics.EVENTS], began):
        for past in batch:
            event = json.loads(past.message.body)
            if event["type"] == "payment.completed":
                found.add(event["payment_id"])
    return found


async def until_told(stack: Stack, cluster: KafkaCluster, ids: set[str], began: datetime) -> None:
    """Wait until the completion of each payment is on `payments.events`."""
    deadline = time.monotonic() + TOLD_WITHIN_S
    while missing := ids - await told(cluster, began):
        connection = await asyncpg.connect(stack.database_url)
        waiting = await connection.fetchval("select count(*) from ledger.outbox")
        await connection.close()
        assert time.monotonic() < deadline, f"not told: {missing}; {waiting} in the outbox"
        await asyncio.sleep(1)


async def moved_once(stack: Stack, count: int) -> None:
    """The providers' records have so many movements, each once, and the ledger agrees with them."""
    entries = await provider_book(stack)
    assert len(entries) == len({(one["provider"], one["receipt"]) for one in entries}) == count
    assert await ledger_balances(stack) == twin_balances(entries)
    await asyncio.to_thread(stack.cift, "verify-books")


def test_a_broker_and_replicas_die_under_load(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster_for(monkeypatch) as (folder, cluster):
        asyncio.run(_under_load(folder, cluster))


async def _under_load(folder: Path, cluster: KafkaCluster) -> None:
    options = Options(
        folder / "stack",
        speed=SPEED,
        prefer_ports=False,
        replicas=REPLICAS,
        kafka_bootstrap_servers=cluster.bootstrap,
    )
    began = datetime.now(UTC)
    async with running_stack(options) as stack:
        clients = await clients_of(stack)
        load = Load(clients)
        funding = await load.fund()
        await clients[0].all_final([funding])
        await load.send(BEFORE)
        died_at, acknowledged = time.monotonic(), len(load.accepted_at)
        cluster.nodes[0].kill()
        for name in KILLED:
            stack.kill(name)
        await load.send(DURING)
        cluster.nodes[0].start()
        await asyncio.to_thread(cluster.wait, [0])
        await load.send(AFTER)
        ids = await load.all_accepted()
        payments = await clients[0].all_final([funding, *ids])
        again = min(at for at in load.accepted_at if at > died_at) - died_at

        await until_told(stack, cluster, {funding, *ids}, began)
        assert len(set(ids)) == BEFORE + DURING + AFTER
        assert {payment["status"] for payment in payments} == {"completed"}
        await check_nothing_sent_twice(stack)
        await moved_once(stack, len(payments))
        print(
            f"{len(payments)} payments, {acknowledged} acknowledged before the deaths, 0 lost, "
            f"0 sent twice; accepted again after {again:.1f} s"
        )
