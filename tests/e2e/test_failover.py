"""PostgreSQL's primary dies under load: its synchronous standby takes over, and no payment is lost.

The figures are printed: what was acknowledged and lost (none), and the seconds from the death to
the first payment that was accepted again.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from cift_local.accounts import provider_book
from cift_local.stack import Options, Stack, running_stack
from cift_shared.rails.local import FINAL
from tests.chaos.cluster.proxy import Link
from tests.support.books import check_nothing_sent_twice
from tests.support.eventually import eventually
from tests.support.kafka import Broker
from tests.support.merchant_client import MerchantClient, phones
from tests.support.postgres import throw_away_folder
from tests.support.standby import PrimaryWithStandby, running_with_standby

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(400)]

SPEED = 40
BEFORE, DURING, AFTER = 12, 8, 12
"""Payments that are sent before the death, between the death and the new primary, and after it."""
GAP_S = 0.2
DATABASE = "cift"


@dataclass
class Load:
    """Payments sent one after the other, and when each was accepted."""

    client: MerchantClient
    numbers: list[str] = field(default_factory=lambda: phones(BEFORE + DURING + AFTER))
    accepted_at: dict[float, float] = field(default_factory=dict)
    """When each payment was sent, and when it was accepted."""
    sent: list["asyncio.Task[None]"] = field(default_factory=list)

    async def send(self, count: int) -> None:
        """Send so many more payments, without waiting for their answers."""
        for _ in range(count):
            self.sent.append(asyncio.create_task(self._pay(self.numbers.pop())))
            await asyncio.sleep(GAP_S)

    async def _pay(self, number: str) -> None:
        began = time.monotonic()
        assert await self.client.pay("deposit", "500.00", number, f"cus_{number}")
        self.accepted_at[began] = time.monotonic()

    async def some_accepted(self, count: int) -> bool:
        """True once so many payments are accepted."""
        return len(self.accepted_at) >= count

    async def all_accepted(self) -> list[str]:
        """The payments' ids."""
        await asyncio.gather(*self.sent)
        return self.client.accepted


@asynccontextmanager
async def running_behind(
    link: Link, servers: PrimaryWithStandby, folder: Path
) -> AsyncIterator[Stack]:
    """The stack on the primary, reached through an address that can be turned to the standby."""
    link.target = servers.primary.port
    dsn = servers.primary.dsn(DATABASE).replace(f":{servers.primary.port}/", f":{link.port}/")
    options = Options(folder, speed=SPEED, prefer_ports=False, database_url=dsn)
    async with running_stack(options) as stack:
        yield stack


async def until_ended(dsn: str, count: int) -> None:
    """Wait until so many payments have ended, without a request to the API for each."""
    connection = await asyncpg.connect(dsn)

    async def all_ended() -> bool:
        ended = await connection.fetchval(
            "select count(*) from ledger.payment where status = any($1)", sorted(FINAL)
        )
        return bool(ended == count)

    await eventually(all_ended, f"the end of {count} payments")
    await connection.close()


async def test_no_acknowledged_payment_is_lost(
    real_kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", real_kafka.bootstrap)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    link = Link("database")
    await link.start()
    with throw_away_folder("failover") as folder:
        async with (
            running_with_standby(folder) as servers,
            running_behind(link, servers, folder / "stack") as stack,
        ):
            load = Load(await MerchantClient.of(stack))
            await load.send(BEFORE)
            await eventually(lambda: load.some_accepted(BEFORE // 2), "the first payments")
            died_at = time.monotonic()
            link.poison("refuse")
            servers.lose_primary()
            acknowledged = len(load.accepted_at)
            await load.send(DURING)
            await servers.standby.promote()
            link.target = servers.standby.port
            link.poison("reset")
            await load.send(AFTER)
            ids = await load.all_accepted()
            again = min(at for sent, at in load.accepted_at.items() if sent > died_at)
            await until_ended(servers.standby.dsn(DATABASE), len(ids))
            payments = await load.client.all_final(ids)
            print(
                f"{len(ids)} payments, {acknowledged} acknowledged before the death, 0 lost; "
                f"accepted again after {again - died_at:.1f} s"
            )
            assert acknowledged
            assert len(set(ids)) == BEFORE + DURING + AFTER
            assert {payment["status"] for payment in payments} == {"completed"}
            receipts = [entry["receipt"] for entry in await provider_book(stack)]
            assert len(receipts) == len(set(receipts)) == len(ids)
            await check_nothing_sent_twice(stack)
            # in a thread: this one runs the link to the database
            await asyncio.to_thread(stack.cift, "verify-books")
    await link.stop()
