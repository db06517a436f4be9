"""A push that nobody answered is paid late and its callback is lost: the money is found.

The worker's engine with its own loops and the books on real PostgreSQL, in front of a scripted
Daraja.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import httpx
import pytest

from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.clock import SystemClock
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record
from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from cift_shared.runtime.service import running
from tests.integration.ledger.books import Books, open_books
from tests.support import mpesa
from tests.support.commands import CLOCK, VAULT
from tests.support.mpesa import query_answer

pytestmark = pytest.mark.integration

PATIENCE_S = 60


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(database, role="cift_mpesa")
    yield pool
    await pool.close()


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    async with open_books(database) as opened:
        yield opened


async def results(pool: asyncpg.Pool, payment_id: UUID, *, until: str) -> list[PaymentResult]:
    """What the worker told, once it told a thing of kind `until`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows = await pool.fetch(
                "select body from mpesa.outbox where key = $1 order by id", str(payment_id)
            )
            found = [PaymentResult.model_validate_json(row["body"]) for row in rows]
            if until in [result.kind for result in found]:
                return found
            await asyncio.sleep(0.02)


async def test_a_late_payment_is_found_without_a_callback(pool: asyncpg.Pool, books: Books) -> None:
    paid = await books.deposit(100_00)
    script = mpesa.Script().on("stkpush/", mpesa.PUSH_TAKEN)
    script.on("query", query_answer("1037"), query_answer("1037"), query_answer("0"))
    processor = mpesa.processor(mpesa.config(check_speed=1000), httpx.MockTransport(script), CLOCK)
    store = AttemptStore(pool, schema="mpesa", rail="mpesa", owner="mpesa-0", vault=VAULT)
    engine = AttemptEngine(store, processor, clock=SystemClock(), wake_relay=lambda: None)
    intake = CommandConsumer(
        store,
        rail="mpesa",
        clock=SystemClock(),
        wake_dispatch=engine.dispatch.wake,
        wake_relay=lambda: None,
        wake_poll=engine.poll.wake,
    )
    command = mpesa.deposit(paid.payment_id, minor=100_00, phone=mpesa.PHONE)
    body = command.model_dump_json().encode()
    async with running([engine.dispatch, engine.poll]):
        await intake.handle([Record("payments.commands.mpesa", 0, 0, None, body)])
        told = await results(pool, command.payment_id, until="settled")
    await processor.close()
    assert [result.kind for result in told] == ["action_required", "expired", "settled"]
    assert told[-1].amount == Money(100_00, "KES")
    assert len(script.sent("query")) == 3  # the verdict, a look that finds it unchanged, the money
    row = await pool.fetchrow("select state, next_check_at from mpesa.attempt")
    assert tuple(row) == ("done", None)
    assert set(await books.apply(*told[:2])) == {"applied"}
    assert await books.status(paid) == "expired"
    await books.apply(*told[2:])
    assert await books.status(paid) == "in_review"
    assert await books.balance("provider:mpesa:KES") == (100_00, 0)
    assert await books.balance("suspense:mpesa:KES") == (-100_00, 0)
    assert await books.broken() == set()
