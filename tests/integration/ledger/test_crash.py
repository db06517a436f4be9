"""The server dies in the middle of a batch: nothing of it stays, and sending it again heals all."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from cift_local.postgres import Postgres
from cift_shared.database.migrations import migrate
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from tests.integration.ledger.books import open_books
from tests.support.postgres import throw_away_folder

pytestmark = pytest.mark.integration

PATIENCE_S = 60
WAITING = """
select exists (
    select from pg_stat_activity
    where wait_event_type = 'Lock' and query like '%ledger.apply_results%')
"""


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await happened():
            await asyncio.sleep(0.05)


async def test_a_batch_cut_off_by_kill_9_is_applied_by_sending_it_again() -> None:
    with throw_away_folder("crash") as folder:
        with Postgres(folder) as server:
            dsn = server.dsn()
            await migrate(dsn)
            async with open_books(dsn) as books:
                payments = [await books.deposit(customer_id=f"c{n % 7}") for n in range(60)]
                results = [paid.result("settled") for paid in payments]
                assert await books.apply(*results[:20]) == ["applied"] * 20
                # somebody holds the house's balance, so the batch stops half done
                blocker = await asyncpg.connect(dsn)
                await blocker.execute("begin; select from ledger.balance where house for update")
                batch = asyncio.create_task(books.apply(*results))
                await until(lambda: books.admin.fetchval(WAITING))
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
                with pytest.raises(INFRASTRUCTURE_ERRORS):
                    await batch
                blocker.terminate()
        with Postgres(folder) as server:
            async with open_books(server.dsn()) as books:
                assert {await books.status(paid) for paid in payments[20:]} == {"pending"}
                answers = await books.apply(*results)
                assert answers == ["duplicate"] * 20 + ["applied"] * 40
                assert await books.balance("provider:mpesa:KES") == (600_000, 0)
                assert await books.broken() == set()
