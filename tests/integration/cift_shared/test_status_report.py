"""A worker's report goes through the outbox, once, and says what the processor knows."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from cift_shared.attempts.status_report import StatusReport
from cift_shared.messaging.rail_status import NetworkFee, RailStatus
from cift_shared.messaging.topics import RAIL_STATUSES
from cift_shared.money.amount import Money
from cift_shared.rails.registry import example_rail
from cift_shared.testing import FakeClock, ScriptedProcessor
from tests.support.attempts import probe_pool

pytestmark = pytest.mark.integration


class Telling(ScriptedProcessor):
    """A processor that knows whether its provider answers."""

    reason: str | None = None

    def unavailable_reason(self) -> str | None:
        return self.reason


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    async with probe_pool(database) as pool:
        yield pool


def reporting(pool: asyncpg.Pool, processor: Any, clock: FakeClock, woken: list[int]) -> Any:
    return StatusReport(pool, processor, clock, "probe", "w-0", lambda: woken.append(1))


async def queued(pool: asyncpg.Pool) -> list[RailStatus]:
    rows = await pool.fetch("select topic, key, body from probe.outbox order by id")
    reports = {(RAIL_STATUSES, f"{example_rail().name}/w-0")}
    assert {(row["topic"], row["key"]) for row in rows} <= reports
    return [RailStatus.model_validate_json(row["body"]) for row in rows]


async def test_a_processor_that_says_nothing_is_available(pool) -> None:
    clock = FakeClock()
    woken: list[int] = []
    await reporting(pool, ScriptedProcessor(), clock, woken).report()
    (status,) = await queued(pool)
    assert status == RailStatus(
        rail=example_rail().name, instance="w-0", available=True, reported_at=clock.now()
    )
    assert woken == [1]


async def test_a_reason_makes_it_unavailable(pool) -> None:
    processor = Telling()
    processor.reason = "provider_unavailable"
    await reporting(pool, processor, FakeClock(), []).report()
    (status,) = await queued(pool)
    assert (status.available, status.reason) == (False, "provider_unavailable")


async def test_it_says_what_the_network_charges(pool) -> None:
    clock = FakeClock()
    fee = NetworkFee(type="deposit", currency="KES", fee=Money(7, "USD"), estimated_at=clock.now())
    report = replace(reporting(pool, ScriptedProcessor(), clock, []), network_fees=lambda: [fee])
    await report.report()
    (status,) = await queued(pool)
    assert status.network_fees == [fee]


async def test_reports_do_not_pile_up_while_the_broker_is_away(pool) -> None:
    clock = FakeClock()
    report = reporting(pool, Telling(), clock, [])
    for _ in range(3):
        await report.report()
        clock.advance(timedelta(seconds=5))
    (kept,) = await queued(pool)
    await pool.execute("delete from probe.outbox")  # the relay has published it
    await report.report()
    (status,) = await queued(pool)
    assert status.reported_at - kept.reported_at == timedelta(seconds=15)
