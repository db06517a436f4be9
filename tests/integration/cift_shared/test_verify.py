"""`VerifyPayment`: the next query is due now, and a reference that was brought reaches it once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import OutcomeUnknown, ProviderUnavailable
from cift_shared.messaging.messages import VerifyPayment
from cift_shared.messaging.outcomes import Conflicting, Pending, Settled
from cift_shared.money.amount import Money
from cift_shared.testing import ScriptedProcessor
from tests.integration.cift_shared.test_attempts import Worker, record
from tests.support.attempts import probe_pool
from tests.support.commands import CLOCK, IDS, VAULT, deposit, withdrawal

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
SETTLED = Settled(Money(100_00, "KES"), "RECEIPT1")


class Slow(ScriptedProcessor):
    """Queries come an hour apart by schedule; notes the references, and can be held up."""

    def __init__(self, **script: Any) -> None:
        super().__init__(**{"delay": HOUR, **script})
        self.references: list[str] = []
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        self.asked.set()
        await self.free.wait()
        self.references += attempt.references
        return await super().get_transaction_status(attempt, notices)


@pytest.fixture
async def pool(emptied_database: str) -> AsyncIterator[asyncpg.Pool]:
    async with probe_pool(emptied_database) as pool:
        yield pool


@pytest.fixture
async def workers(pool: asyncpg.Pool) -> AsyncIterator[list[Worker]]:
    started: list[Worker] = []
    yield started
    for worker in started:
        await worker.loops.aclose()


async def start(workers: list[Worker], pool: asyncpg.Pool, processor: ScriptedProcessor) -> Worker:
    worker = Worker(pool, processor, "w-0")
    workers.append(worker)
    await worker.start()
    return worker


def verify(payment_id: UUID, reference: str | None = None) -> VerifyPayment:
    sealed = VAULT.seal(reference.encode(), context="notice") if reference else None
    return VerifyPayment(
        verification_id=IDS.new_id(),
        payment_id=payment_id,
        requested_at=CLOCK.now(),
        sealed_reference=sealed,
    )


async def until(look: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(60):
        while not await look():
            await asyncio.sleep(0.01)


async def waiting(worker: Worker) -> UUID:
    """A deposit that the provider has taken; its next query is an hour away."""
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="submitted")
    return command.payment_id


async def row(pool: asyncpg.Pool, payment_id: UUID) -> asyncpg.Record:
    found = await pool.fetchrow(
        "select state, checks, submits, lease_owner, next_check_at <= now() as is_due"
        " from probe.attempt where payment_id = $1",
        payment_id,
    )
    assert found is not None
    return found


async def test_the_provider_is_asked_now(workers, pool) -> None:
    processor = Slow(checks=[SETTLED])
    worker = await start(workers, pool, processor)
    payment_id = await waiting(worker)
    assert not (await row(pool, payment_id))["is_due"]
    assert await worker.commands.handle([record(verify(payment_id))]) == []
    assert await worker.kinds(payment_id, until="settled")
    assert processor.references == []
    assert processor.notices_seen == []


async def test_a_reference_reaches_one_query(workers, pool) -> None:
    processor = Slow()
    worker = await start(workers, pool, processor)
    payment_id = await waiting(worker)
    asked = verify(payment_id, "TKF7RT61SV")
    await worker.commands.handle([record(asked)])
    await until(lambda: _checked(pool, payment_id, 1))
    await worker.commands.handle([record(asked)])  # Kafka delivers it again
    await worker.commands.handle([record(verify(payment_id))])
    await until(lambda: _checked(pool, payment_id, 2))
    assert processor.references == ["TKF7RT61SV"]
    assert processor.notices_seen == []  # it is no notice of the provider
    stored = await pool.fetch("select sealed_body, handled_at from probe.notice")
    assert [kept["handled_at"] is not None for kept in stored] == [True]
    assert "TKF7RT61SV" not in stored[0]["sealed_body"]


async def test_a_reference_stays_until_a_query_was_answered(workers, pool) -> None:
    processor = Slow(checks=[ProviderUnavailable("provider_unreachable", "away"), Pending()])
    worker = await start(workers, pool, processor)
    payment_id = await waiting(worker)
    await worker.commands.handle([record(verify(payment_id, "TKF7RT61SV"))])
    await until(lambda: _checked(pool, payment_id, 1))
    await worker.commands.handle([record(verify(payment_id))])
    await until(lambda: _checked(pool, payment_id, 2))
    assert processor.references == ["TKF7RT61SV"] * 2


async def test_a_query_in_progress_is_the_query(workers, pool) -> None:
    processor = Slow()
    worker = await start(workers, pool, processor)
    payment_id = await waiting(worker)
    processor.free.clear()
    await worker.commands.handle([record(verify(payment_id))])
    await processor.asked.wait()
    lease = "select lease, next_check_at from probe.attempt where payment_id = $1"
    before = await pool.fetchrow(lease, payment_id)
    for _ in range(5):
        await worker.commands.handle([record(verify(payment_id))])
    assert await pool.fetchrow(lease, payment_id) == before  # nobody else can claim it sooner
    processor.free.set()
    await until(lambda: _checked(pool, payment_id, 1))
    held = await row(pool, payment_id)
    assert (held["checks"], held["is_due"], held["lease_owner"]) == (1, False, None)


async def test_a_reference_that_comes_during_a_query_has_one_of_its_own(workers, pool) -> None:
    processor = Slow()
    worker = await start(workers, pool, processor)
    payment_id = await waiting(worker)
    processor.free.clear()
    await worker.commands.handle([record(verify(payment_id))])
    await processor.asked.wait()
    await worker.commands.handle([record(verify(payment_id, "TKF7RT61SV"))])
    processor.free.set()
    await until(lambda: _checked(pool, payment_id, 2))
    assert processor.references == ["TKF7RT61SV"]


async def test_what_was_not_sent_is_not_asked_about_and_not_sent_sooner(workers, pool) -> None:
    """A caller does not prove that the provider has the request, as a notice does."""
    lost = OutcomeUnknown("read_timeout", "no answer")
    processor = Slow(submits=[lost, lost, lost], safe=True)
    worker = await start(workers, pool, processor)
    command = withdrawal()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="unknown")
    before = await pool.fetchval("select next_check_at from probe.attempt")
    await worker.commands.handle([record(verify(command.payment_id, "TKF7RT61SV"))])
    held = await row(pool, command.payment_id)
    assert held["state"] == "ready"
    assert await pool.fetchval("select next_check_at from probe.attempt") >= before
    assert await pool.fetchval("select count(*) from probe.notice") == 0


async def test_one_in_review_is_asked_about_and_stays_there(workers, pool) -> None:
    processor = Slow(checks=[Conflicting("two answers"), Pending()])
    worker = await start(workers, pool, processor)
    payment_id = await waiting(worker)
    await worker.commands.handle([record(verify(payment_id))])
    await worker.kinds(payment_id, until="conflicting")
    await worker.commands.handle([record(verify(payment_id, "TKF7RT61SV"))])
    await until(lambda: _checked(pool, payment_id, 2))
    assert processor.references == ["TKF7RT61SV"]
    assert await worker.state(payment_id) == "review"


async def test_a_final_or_unknown_payment_is_left_alone(workers, pool) -> None:
    processor = Slow(checks=[SETTLED])
    worker = await start(workers, pool, processor)
    payment_id = await waiting(worker)
    await worker.commands.handle([record(verify(payment_id))])
    await worker.kinds(payment_id, until="settled")
    late = [record(verify(payment_id, "TKF7RT61SV")), record(verify(IDS.new_id(), "TKF7RT61SV"))]
    assert await worker.commands.handle(late) == []
    held = await row(pool, payment_id)
    assert (held["state"], held["checks"], held["is_due"]) == ("done", 1, None)
    assert await pool.fetchval("select count(*) from probe.notice") == 0


async def test_a_command_and_its_verification_in_one_batch(workers, pool) -> None:
    worker = await start(workers, pool, Slow())
    command = deposit()
    both = [record(verify(command.payment_id)), record(command)]
    assert await worker.commands.handle(both) == []
    await worker.kinds(command.payment_id, until="submitted")


async def test_a_reference_that_can_not_be_opened_is_set_aside(workers, pool) -> None:
    processor = Slow()
    worker = await start(workers, pool, processor)
    payment_id = await waiting(worker)
    wrong = VAULT.seal(b"TKF7RT61SV", context="phone")
    broken = verify(payment_id).model_copy(update={"sealed_reference": wrong})
    (refusal,) = await worker.commands.handle([record(broken)])
    assert (refusal.reason, refusal.record) == ("undecodable", record(broken))
    assert not (await row(pool, payment_id))["is_due"]


async def _checked(pool: asyncpg.Pool, payment_id: UUID, times: int) -> bool:
    held = await row(pool, payment_id)
    return bool(held["checks"] == times and held["lease_owner"] is None)
