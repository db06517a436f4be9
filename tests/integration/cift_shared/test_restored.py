"""A restored database has forgotten what was sent: nothing is sent blindly afterwards.

Business rule: what may have reached a provider in the lost time is queried, or sent again only
where the provider refuses a second request with the same key, or handed to people.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from cift_shared.database.restored import SKIPPED_INDICES, Noted, note_restored
from cift_shared.messaging.messages import PaymentRequest
from cift_shared.rails.rail import Operation
from cift_shared.testing import ScriptedProcessor
from tests.integration.cift_shared.test_attempts import Worker, record
from tests.support.attempts import probe_pool
from tests.support.commands import deposit, withdrawal

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)


class ChainProcessor(ScriptedProcessor):
    """A provider that takes the same payment as often as it comes."""

    def forgets_sending(self, operation: Operation) -> bool:
        """True for money out."""
        return operation == "withdrawal"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    async with probe_pool(database) as pool:
        await pool.execute(
            "insert into public.cift_migration (schema_name, file_name, sha256) "
            "values ('probe', '0001_probe.sql', '')"
        )
        yield pool


async def restored(pool: asyncpg.Pool) -> Noted:
    async with pool.acquire() as connection:
        return await note_restored(connection, datetime.now(UTC) - HOUR)


def accepted(request: PaymentRequest, ago: timedelta) -> PaymentRequest:
    return request.model_copy(update={"accepted_at": datetime.now(UTC) - ago})


async def taken(
    pool: asyncpg.Pool, processor: ScriptedProcessor, *requests: PaymentRequest
) -> Worker:
    worker = Worker(pool, processor, "w-0")
    assert await worker.commands.handle([record(one) for one in requests]) == []
    return worker


async def test_a_forgotten_request_that_is_unsafe_to_repeat_is_queried(pool: asyncpg.Pool) -> None:
    await restored(pool)
    request = accepted(deposit(), HOUR / 2)
    worker = await taken(pool, processor := ScriptedProcessor(safe=False), request)
    await worker.start()
    assert await worker.kinds(request.payment_id, until="unknown") == ["unknown"]
    await worker.loops.aclose()
    assert not processor.submitted


async def test_where_the_provider_knows_our_key_it_is_sent_under_it(pool: asyncpg.Pool) -> None:
    await restored(pool)
    request = accepted(withdrawal(), HOUR / 2)
    worker = await taken(pool, processor := ScriptedProcessor(safe=True), request)
    await worker.start()
    assert await worker.kinds(request.payment_id, until="submitted") == ["submitted"]
    await worker.loops.aclose()
    assert sum(processor.submitted.values()) == 1


async def test_where_only_our_rows_knew_people_decide(pool: asyncpg.Pool) -> None:
    await restored(pool)
    request = accepted(withdrawal(), HOUR / 2)
    worker = await taken(pool, processor := ChainProcessor(safe=True), request)
    await worker.start()
    assert await worker.kinds(request.payment_id, until="conflicting") == ["conflicting"]
    await worker.loops.aclose()
    assert not processor.submitted
    assert await worker.state(request.payment_id) == "review"


@pytest.mark.parametrize("processor", [ScriptedProcessor(safe=False), ChainProcessor(safe=True)])
async def test_what_looked_unsent_at_the_restored_moment_may_have_been_sent(
    pool: asyncpg.Pool, processor: ScriptedProcessor
) -> None:
    request = accepted(withdrawal(), HOUR)
    worker = await taken(pool, processor, request)
    noted = await restored(pool)
    assert noted.maybe_sent["probe"] == 1
    await worker.start()
    until = "conflicting" if isinstance(processor, ChainProcessor) else "unknown"
    await worker.kinds(request.payment_id, until=until)
    await worker.loops.aclose()
    assert not processor.submitted


async def test_new_commands_are_sent_as_always(pool: asyncpg.Pool) -> None:
    await restored(pool)
    request = accepted(withdrawal(), -HOUR)
    worker = await taken(pool, processor := ChainProcessor(), request)
    await worker.start()
    assert await worker.kinds(request.payment_id, until="submitted") == ["submitted"]
    await worker.loops.aclose()
    assert sum(processor.submitted.values()) == 1


async def test_no_address_of_the_lost_time_is_given_out_again(pool: asyncpg.Pool) -> None:
    await pool.execute("insert into bitcoin.address_counter (next_index) values (7)")
    noted = await restored(pool)
    assert "bitcoin.address_counter" in noted.skipped
    following = await pool.fetchval("select next_index from bitcoin.address_counter")
    assert following == 7 + SKIPPED_INDICES
