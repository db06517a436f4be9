"""Sessions: stored sealed, shared, renewed before their end, and used only once they are live."""

from datetime import timedelta
from decimal import Decimal

import pytest

from cift_shared.errors import ProviderThrottled
from tests.integration.vodacom_worker.harness import VodacomHarness
from tests.support import vodacom
from tests.support.commands import VAULT
from vodacom_worker.session_store import SessionTimes, SharedSessions


async def stored(harness: VodacomHarness) -> list[str]:
    rows = await harness.pool.fetch("select sealed from mpesa_tz.session order by issued_at")
    return [row["sealed"] for row in rows]


async def test_one_session_serves_every_payment_and_process(harness: VodacomHarness) -> None:
    await harness.paid()
    await harness.restart()
    await harness.paid()
    assert len(await stored(harness)) == 1


async def test_it_is_stored_sealed(harness: VodacomHarness) -> None:
    await harness.paid()
    [sealed] = await stored(harness)
    text = await harness.sessions.get(harness.issue)
    assert text not in sealed
    assert sealed.startswith("v1.") or "k1" in sealed


async def test_a_new_session_is_used_only_once_it_is_live(harness: VodacomHarness) -> None:
    await harness.settings(vodacom_session_settles_s=30)
    command = vodacom.deposit()
    await harness.send(command)
    await harness.reach(command.payment_id, "settled")
    assert len(await stored(harness)) == 1  # a refused new session is no reason for another one
    assert await harness.book() == [("c2b", "20000")]


async def test_a_session_that_ends_early_is_replaced(harness: VodacomHarness) -> None:
    await harness.paid()
    harness.clock.advance(timedelta(seconds=1))  # 100 s for the worker: it is no new session
    await harness.control("POST", "/vodacom/sessions/expire")
    command = vodacom.deposit()
    await harness.send(command)
    await harness.reach(command.payment_id, "settled")
    assert len(await stored(harness)) == 1  # the ended one is deleted


async def test_two_sessions_that_end_early_are_replaced(harness: VodacomHarness) -> None:
    await harness.paid()
    await harness.sessions._issue(harness.issue)
    assert len(await stored(harness)) == 2
    harness.clock.advance(timedelta(seconds=1))
    await harness.control("POST", "/vodacom/sessions/expire")
    await harness.paid(1_000_00)
    assert await harness.book() == [("c2b", "20000"), ("c2b", "1000")]
    assert len(await stored(harness)) == 1


@pytest.mark.parametrize("error", ["empty_401", "INS-989"])
async def test_both_forms_of_a_refused_session(harness: VodacomHarness, error: str) -> None:
    await harness.settings(vodacom_session_error=error)
    await harness.paid()
    harness.clock.advance(timedelta(seconds=1))
    await harness.control("POST", "/vodacom/sessions/expire")
    await harness.paid(1_000_00)
    assert await harness.book() == [("c2b", "20000"), ("c2b", "1000")]


async def test_the_next_session_is_requested_ahead_and_the_old_one_used_until_it_is_live(
    harness: VodacomHarness,
) -> None:
    times = SessionTimes.at_speed(Decimal(1))
    sessions = SharedSessions(harness.pool, VAULT, harness.clock, app="another", times=times)
    issue = harness.issue
    assert await sessions.renew_ahead(issue) is True  # at the start there is none
    first = await sessions.get(issue)
    assert await sessions.renew_ahead(issue) is False
    harness.clock.advance(timedelta(seconds=3600 - 110))  # LEAD_S is 120
    assert await sessions.renew_ahead(issue) is True
    assert await sessions.get(issue) == first
    harness.clock.advance(timedelta(seconds=60))  # less than MARGIN_S is left
    second = await sessions.get(issue)
    assert second != first
    assert len(await stored(harness)) == 2


async def test_a_limit_of_the_session_needs_another_one(harness: VodacomHarness) -> None:
    await harness.settings(vodacom_session_calls=1)
    await harness.paid()
    harness.clock.advance(timedelta(seconds=1))
    before = await stored(harness)
    await harness.paid(1_000_00)
    [now] = await stored(harness)
    assert [now] != before
    assert await harness.book() == [("c2b", "20000"), ("c2b", "1000")]


async def test_a_session_in_a_process_is_not_called_wrong_too_early(
    harness: VodacomHarness,
) -> None:
    text = await harness.sessions.get(harness.issue)
    with pytest.raises(ProviderThrottled):
        await harness.sessions.get(harness.issue, refused=text)
