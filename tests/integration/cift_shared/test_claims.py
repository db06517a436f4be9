"""Who may hold, cancel and send an attempt: the SQL of claims and saves, on real PostgreSQL.

Rule: one attempt is in one hand at a time, and what may have been sent is neither canceled nor sent
again blindly.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from cift_shared.attempts import AttemptStore, queries
from cift_shared.attempts.consumers import CommandConsumer
from cift_shared.attempts.processor import Answer
from cift_shared.attempts.results import Claim
from cift_shared.attempts.state_machine import (
    Decision,
    Schedule,
    after_submit,
    after_submit_error,
)
from cift_shared.attempts.store import Command, attempt_id_of
from cift_shared.errors import OutcomeUnknown
from cift_shared.messaging.messages import (
    CancelPayment,
    PaymentResult,
    ProviderNotice,
    RequestWithdrawal,
)
from cift_shared.messaging.outcomes import Submitted
from mpesa_method.purposes import Purpose
from tests.support.attempts import probe_pool
from tests.support.commands import CLOCK, VAULT, withdrawal

pytestmark = pytest.mark.integration

STATES = ("ready", "sending", "waiting", "unknown", "done", "review")
LOST = OutcomeUnknown("read_timeout", "no answer")


@pytest.fixture
async def pool(emptied_database: str) -> AsyncIterator[asyncpg.Pool]:
    async with probe_pool(emptied_database) as pool:
        yield pool


def store_of(pool: asyncpg.Pool, owner: str = "w-0") -> AttemptStore:
    return AttemptStore(pool, schema="probe", rail="mpesa", owner=owner, vault=VAULT)


async def ingest(store: AttemptStore, number: int = 1) -> list[RequestWithdrawal]:
    commands = [withdrawal() for _ in range(number)]
    assert await store.ingest([Command(command, {}) for command in commands]) == number
    return commands


async def claim(store: AttemptStore, limit: int = 10) -> Sequence[Claim]:
    return await store.claim(STATES, limit=limit)


async def row_of(pool: asyncpg.Pool) -> asyncpg.Record:
    row = await pool.fetchrow(
        "select *, next_check_at <= now() as due, next_check_at - now() as left from probe.attempt"
    )
    assert row is not None
    return row


async def make_due(pool: asyncpg.Pool) -> None:
    await pool.execute("update probe.attempt set next_check_at = now()")


def safe_again(held: Claim) -> Decision:
    return after_submit_error(held, LOST, resend_is_safe=True, now=CLOCK.now())


async def cancel(store: AttemptStore, pool: asyncpg.Pool, command: RequestWithdrawal) -> str:
    """Cancel it as a command does; the kind that is told."""
    intake = CommandConsumer(
        store,
        rail="mpesa",
        clock=CLOCK,
        wake_dispatch=lambda: None,
        wake_relay=lambda: None,
        wake_poll=lambda: None,
    )
    from tests.integration.cift_shared.test_attempts import record

    stop = CancelPayment(payment_id=command.payment_id, requested_at=CLOCK.now())
    assert await intake.handle([record(stop)]) == []
    body = await pool.fetchval("select body from probe.outbox order by id desc limit 1")
    return PaymentResult.model_validate_json(body).kind


class TestTwoClaimers:
    async def test_while_one_claims_the_other_goes_past_without_waiting(self, pool) -> None:
        """The first has not committed: its rows are neither waited for nor taken as well."""
        await ingest(store_of(pool), 3)
        order = (list(STATES), 2, "w-1/a", timedelta(seconds=30))
        async with pool.acquire() as connection, connection.transaction():
            mine = await connection.fetch(queries.CLAIM.format(schema="probe"), *order)
            async with asyncio.timeout(30):
                theirs = await claim(store_of(pool, "w-2"))
        first = {row["attempt_id"] for row in mine}
        second = {held.attempt.attempt_id for held in theirs}
        assert (len(first), len(second)) == (2, 1)
        assert not first & second
        assert await pool.fetchval("select max(lease) from probe.attempt") == 1

    async def test_at_once_share_what_is_due(self, pool) -> None:
        await ingest(store_of(pool), 60)
        stores = [store_of(pool, f"w-{number}") for number in range(6)]
        taken = await asyncio.gather(*(claim(store, limit=15) for store in stores))
        ids = [held.attempt.attempt_id for claims in taken for held in claims]
        assert len(ids) == len(set(ids)) == 60


class TestAClaim:
    async def test_is_a_lease_of_what_is_due_and_asked_for(self, pool) -> None:
        store = store_of(pool)
        await ingest(store)
        assert await store.claim(["waiting"], limit=10) == []
        (held,) = await claim(store)
        assert (held.state, held.lease, held.submits, held.maybe_sent) == ("ready", 1, 1, False)
        row = await row_of(pool)
        assert (row["state"], row["due"]) == ("sending", False)
        assert row["lease_owner"].startswith("w-0/")
        assert await claim(store) == []

    async def test_takes_the_longest_due_first_and_no_more_than_its_limit(self, pool) -> None:
        store = store_of(pool)
        commands = await ingest(store, 3)
        for place, command in enumerate(commands):
            await pool.execute(
                "update probe.attempt set next_check_at = now() - $2::interval "
                "where payment_id = $1",
                command.payment_id,
                timedelta(seconds=1 + place),
            )
        claims = await claim(store, limit=2)
        assert {held.payment_id for held in claims} == {
            str(command.payment_id) for command in commands[1:]
        }

    async def test_of_what_a_dead_holder_was_sending_may_have_been_sent(self, pool) -> None:
        store = store_of(pool)
        await ingest(store)
        await claim(store)
        await make_due(pool)
        (held,) = await claim(store)
        assert (held.state, held.maybe_sent, held.submits, held.lease) == ("sending", True, 2, 2)

    async def test_of_what_waits_sends_nothing(self, pool) -> None:
        store = store_of(pool)
        await ingest(store)
        (held,) = await claim(store)
        answer = Answer(Submitted("ref"))
        decision = after_submit(held, answer, Schedule(timedelta(0)), now=CLOCK.now())
        assert await store.save([decision], now=CLOCK.now())
        await make_due(pool)
        (again,) = await claim(store)
        assert (again.state, again.submits) == ("waiting", 1)
        assert (await row_of(pool))["state"] == "waiting"


class TestCanceling:
    async def test_what_was_never_sent_is_canceled(self, pool) -> None:
        store = store_of(pool)
        (command,) = await ingest(store)
        assert await cancel(store, pool, command) == "canceled"
        row = await row_of(pool)
        assert (row["state"], row["next_check_at"], row["lease"]) == ("done", None, 1)

    @pytest.mark.parametrize("state", ["ready", "sending", "unknown", "waiting"])
    async def test_what_may_have_been_sent_is_not(self, pool, state: str) -> None:
        """A payout whose answer was lost is `ready` to be sent again: the money may be gone."""
        store = store_of(pool)
        (command,) = await ingest(store)
        (held,) = await claim(store)
        if state != "sending":
            await store.save([safe_again(held)], now=CLOCK.now())
            assert (await row_of(pool))["maybe_sent"]
            await pool.execute("update probe.attempt set state = $1", state)
        assert await cancel(store, pool, command) == "noted"
        row = await row_of(pool)
        assert (row["state"], row["next_check_at"] is None) == (state, False)

    async def test_fences_a_dispatcher_that_holds_it(self, pool) -> None:
        store = store_of(pool)
        (command,) = await ingest(store)
        (held,) = await claim(store)
        await pool.execute("update probe.attempt set state = 'ready'")
        assert await cancel(store, pool, command) == "canceled"
        assert await store.save([safe_again(held)], now=CLOCK.now()) == set()
        assert (await row_of(pool))["state"] == "done"


def notice_of(command: RequestWithdrawal, name: str) -> ProviderNotice:
    return ProviderNotice(
        notice_id=name,
        provider="mpesa",
        attempt_id=attempt_id_of(command.payment_id),
        purpose=Purpose.PAYOUT,
        sealed_body=VAULT.seal(b"{}", context="notice"),
        source_listed=True,
        received_at=CLOCK.now(),
    )


class TestANoticeForWhatWasToBeSentAgain:
    """Whoever sends a notice has the request: it is asked about, not sent again."""

    async def test_that_comes_while_it_is_in_hand(self, pool) -> None:
        store = store_of(pool)
        (command,) = await ingest(store)
        (held,) = await claim(store)
        assert await store.store_notices([notice_of(command, "n1")], [None]) == 0  # in hand
        await store.save([safe_again(held)], now=CLOCK.now())
        row = await row_of(pool)
        assert (row["state"], row["due"], row["maybe_sent"]) == ("unknown", True, True)

    async def test_that_comes_before_it_is_sent_again(self, pool) -> None:
        store = store_of(pool)
        (command,) = await ingest(store)
        (held,) = await claim(store)
        await store.save([safe_again(held)], now=CLOCK.now())
        row = await row_of(pool)
        assert (row["state"], row["due"]) == ("ready", False)
        assert await store.store_notices([notice_of(command, "n1")], [None]) == 1
        row = await row_of(pool)
        assert (row["state"], row["due"]) == ("unknown", True)

    async def test_that_was_read_already_does_not_count_again(self, pool) -> None:
        store = store_of(pool)
        (command,) = await ingest(store)
        await store.store_notices([notice_of(command, "n1")], [None])
        (held,) = await claim(store)
        from dataclasses import replace

        decision = replace(safe_again(held), notice_ids=["n1"], seen_notice_ids=["n1"])
        await store.save([decision], now=CLOCK.now())
        assert (await row_of(pool))["state"] == "ready"
        assert await pool.fetchval("select handled_at is not null from probe.notice")

    async def test_of_another_attempt_does_not_count(self, pool) -> None:
        store = store_of(pool)
        await ingest(store)
        (held,) = await claim(store)
        (other,) = await ingest(store)
        await store.store_notices([notice_of(other, "n1")], [None])
        await store.save([safe_again(held)], now=CLOCK.now())
        state = await pool.fetchval(
            "select state from probe.attempt where attempt_id = $1", held.attempt.attempt_id
        )
        assert state == "ready"

    async def test_for_what_was_never_sent_leaves_it_to_be_sent(self, pool) -> None:
        """Nobody can have it: a notice for it is a mistake or a forgery."""
        store = store_of(pool)
        (command,) = await ingest(store)
        assert await store.store_notices([notice_of(command, "n1")], [None]) == 0
        assert (await row_of(pool))["state"] == "ready"


class TestASave:
    async def test_under_a_lost_lease_decides_nothing(self, pool) -> None:
        store = store_of(pool)
        await ingest(store)
        (late,) = await claim(store)
        await make_due(pool)
        (held,) = await claim(store)
        answer: Any = Answer(Submitted("ref"))
        decision = after_submit(late, answer, Schedule(timedelta(0)), now=CLOCK.now())
        assert await store.save([decision], now=CLOCK.now()) == set()
        row = await row_of(pool)
        assert (row["state"], row["lease"], row["seq"]) == ("sending", held.lease, 0)
        assert await pool.fetchval("select count(*) from probe.outbox") == 0

    async def test_keeps_the_time_of_the_next_look(self, pool) -> None:
        store = store_of(pool)
        await ingest(store)
        (held,) = await claim(store)
        hour: datetime = CLOCK.now()
        decision = after_submit(
            held, Answer(Submitted("ref")), Schedule(timedelta(hours=1)), now=hour
        )
        await store.save([decision], now=CLOCK.now())
        row = await row_of(pool)
        assert timedelta(minutes=50) < row["left"] <= timedelta(hours=1)
        assert (row["lease_owner"], row["seq"], row["maybe_sent"]) == (None, 1, True)


async def test_a_known_command_comes_again_while_its_attempt_is_updated(pool) -> None:
    """PostgreSQL's check of one unique index can miss a row that is updated at that moment."""
    store = store_of(pool)
    commands = [Command(command, {}) for command in await ingest(store, 3)]
    ingesting = True

    async def update() -> None:
        while ingesting:
            await pool.execute("update probe.attempt set next_check_at = clock_timestamp()")

    async def ingest_again() -> int:
        return sum([await store.ingest(commands) for _ in range(1_000)])

    updates = asyncio.create_task(update())
    fresh = await asyncio.gather(*[ingest_again() for _ in range(4)])
    ingesting = False
    await updates
    assert fresh == [0] * 4
