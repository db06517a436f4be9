"""The store in memory gives the same answers as PostgreSQL, whatever is asked of both in turn."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cift_shared.attempts import AttemptStore
from cift_shared.attempts.results import Claim, State, result_of
from cift_shared.attempts.state_machine import Decision
from cift_shared.attempts.store import Command, attempt_id_of
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.messages import CancelPayment, ProviderNotice, VerifyPayment
from tests.simulation.memory_pool import MemoryPool
from tests.simulation.memory_sql import Schema
from tests.support.attempts import probe_pool
from tests.support.commands import VAULT, deposit

pytestmark = pytest.mark.integration

STATES: tuple[State, ...] = ("ready", "sending", "waiting", "unknown", "done")
SUBJECTS = [UUID(int=number, version=4) for number in range(1, 4)]
COMMANDS = [Command(deposit(subject), {}) for subject in SUBJECTS]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

subjects = st.integers(0, len(SUBJECTS) - 1)
some_states = st.sampled_from([STATES[:2], STATES[2:], STATES])
steps = st.one_of(
    st.tuples(st.just("ingest"), st.lists(subjects, min_size=1, max_size=3, unique=True)),
    st.tuples(st.just("claim"), some_states),
    st.tuples(
        st.just("save"),
        st.integers(0, 9),
        st.sampled_from([*STATES, "review"]),
        st.sampled_from([None, 0, 120, 1200]),
        st.sampled_from([None, "mark-1", "mark-2"]),
        st.booleans(),
        st.sampled_from([None, "noted", "unknown", "submitted"]),
        st.booleans(),
    ),
    st.tuples(st.just("notice"), st.integers(0, 4), st.none() | subjects, st.booleans()),
    st.tuples(st.just("cancel"), subjects),
    st.tuples(st.just("verify"), subjects, st.none() | st.integers(0, 2)),
    st.tuples(st.just("release")),
    st.tuples(st.just("lose"), some_states, st.lists(subjects, max_size=2, unique=True)),
    st.tuples(st.just("pass"), st.sampled_from([60, 120, 1200])),
)

LATE_AND_IN_HAND: list[tuple[Any, ...]] = [
    ("pass", 120),
    ("claim", STATES),
    ("save", 2, "waiting", 1200, "mark-1", True, "submitted", False),
    ("save", 0, "waiting", 1200, None, True, None, False),
]
"""The first holder comes too late and touches what the second has in hand, who is to look again."""


class Direct:
    """No network between the store and its tables."""

    async def call(self, server: str, name: str, effect: Callable[[], Any], *_: Any, **__: Any):
        return effect()

    def commit(self, name: str) -> None:
        """It is done."""

    def committed(self, name: str, lost: str | None) -> None:
        """Nobody takes note."""


class Side:
    """One of the two, with the claims it handed out."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.store = AttemptStore(pool, schema="probe", rail="mpesa", owner="w-0", vault=VAULT)
        self.claims: list[Claim] = []

    async def do(self, step: tuple[Any, ...]) -> Any:
        return await getattr(self, f"_{step[0]}")(*step[1:])

    async def _ingest(self, places: list[int]) -> int:
        return await self.store.ingest([COMMANDS[place] for place in places])

    async def _claim(self, states: tuple[State, ...]) -> Any:
        claims = await self.store.claim(states, limit=10)
        claims.sort(key=lambda claim: claim.payment_id)
        self.claims += claims
        notices = await self.store.open_notices([one.attempt.attempt_id for one in claims])
        return [_said(one) for one in claims], {
            key: [notice.notice_id for notice in found] for key, found in notices.items()
        }

    async def _save(
        self, place: int, state: State, after_s: int | None, mark: str | None, *more: Any
    ) -> Any:
        maybe_sent, kind, with_notices = more
        if not self.claims:
            return None
        claim = self.claims[-1 - place % len(self.claims)]
        attempt_id = claim.attempt.attempt_id
        known = [one.notice_id for one in (await self._open(attempt_id)) if with_notices]
        decision = Decision(
            claim,
            state,
            None if after_s is None else timedelta(seconds=after_s),
            result_of(claim, kind, [], now=NOON, reason="why") if kind else None,
            {"lease": str(claim.lease)} if maybe_sent else {},
            fingerprint=mark,
            maybe_sent=maybe_sent,
            checked=maybe_sent,
            notice_ids=known,
            seen_notice_ids=known,
        )
        try:
            return await self.store.save([decision], now=NOON)
        except (asyncpg.UniqueViolationError, asyncpg.CheckViolationError) as error:
            return type(error)

    async def _open(self, attempt_id: Any) -> Any:
        return (await self.store.open_notices([attempt_id])).get(attempt_id, [])

    async def _notice(self, number: int, place: int | None, marked: bool) -> int:
        notice = ProviderNotice(
            notice_id=f"n-{number}",
            provider="mpesa",
            attempt_id=None if place is None else attempt_id_of(SUBJECTS[place]),
            sealed_body=VAULT.seal(b"{}", context="notice"),
            source_listed=True,
            received_at=NOON + timedelta(seconds=number),
        )
        return await self.store.store_notices([notice], ["mark-1" if marked else None])

    async def _cancel(self, place: int) -> Any:
        seqs: list[Any] = []

        def tell(attempt_id: Any, seq: int | None, due: Any) -> OutgoingMessage:
            seqs.append((seq, due is not None))
            subject = str(SUBJECTS[place])
            headers = {"ce_id": "c", "ce_subject": subject}
            return OutgoingMessage("payments.results", subject, b"{}", headers)

        wish = CancelPayment(payment_id=SUBJECTS[place], requested_at=NOON)
        await self.store.cancel(wish, tell)
        return seqs

    async def _verify(self, place: int, reference: int | None) -> bool:
        sealed = None if reference is None else VAULT.seal(b"QKX1", context="notice")
        request = VerifyPayment(
            payment_id=SUBJECTS[place],
            verification_id=UUID(int=100 + (reference or 0), version=4),
            sealed_reference=sealed,
            requested_at=NOON,
        )
        return await self.store.verify(request)

    async def _release(self) -> None:
        await self.store.release_own()

    async def _lose(self, states: tuple[State, ...], kept: list[int]) -> None:
        await self.store.release_lost(states, kept=[attempt_id_of(SUBJECTS[one]) for one in kept])

    async def due(self) -> list[int | None]:
        """In minutes, as everything here takes whole ones: the machine may be slow."""
        seconds = [await self.store.next_due_s([state]) for state in STATES]
        return [None if one is None else round(one / 60) for one in seconds]


class Real(Side):
    """On PostgreSQL."""

    async def _pass(self, seconds: int) -> None:
        await self.pool.execute(
            "update probe.attempt set next_check_at = next_check_at - $1::interval",
            timedelta(seconds=seconds),
        )

    async def tables(self) -> Any:
        rows = await self.pool.fetch("select * from probe.attempt order by payment_id")
        notices = await self.pool.fetch("select * from probe.notice order by notice_id")
        outbox = await self.pool.fetch("select * from probe.outbox order by id")
        return _tables(rows, notices, outbox)


class Memory(Side):
    """In memory, as the simulation has it."""

    def __init__(self) -> None:
        self.schema = Schema("probe", lambda: datetime.now(UTC))
        network: Any = Direct()
        super().__init__(MemoryPool(self.schema, network))

    async def _pass(self, seconds: int) -> None:
        for row in self.schema.attempts.values():
            if row["next_check_at"] is not None:
                row["next_check_at"] -= timedelta(seconds=seconds)

    async def tables(self) -> Any:
        rows = sorted(self.schema.attempts.values(), key=lambda row: row["payment_id"])
        notices = sorted(self.schema.notices.values(), key=lambda row: row["notice_id"])
        return _tables(rows, notices, self.schema.outbox)


def _said(claim: Claim) -> Any:
    attempt = claim.attempt
    fields = (claim.payment_id, claim.state, claim.lease, claim.seq, claim.submits)
    return (*fields, claim.maybe_sent, dict(attempt.memory), attempt.checks, attempt.ended)


def _tables(rows: Any, notices: Any, outbox: Any) -> Any:
    """Nobody promised an order between messages of different keys."""
    names = "state memory fingerprint maybe_sent submits checks seq lease last_result"
    by_key = sorted(outbox, key=lambda one: one["key"])
    return (
        [[row["lease_owner"] is None, *map(row.get, names.split())] for row in rows],
        [(one["notice_id"], one["attempt_id"], one["handled_at"] is None) for one in notices],
        [(one["topic"], one["key"], one["headers"].get("ce_id"), one["body"]) for one in by_key],
    )


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Any]:
    async with probe_pool(database, size_max=2) as pool:
        yield pool


@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(todo=st.lists(steps, min_size=4, max_size=25))
@example(todo=LATE_AND_IN_HAND)
async def test_both_stores_answer_alike(pool: Any, todo: list[tuple[Any, ...]]) -> None:
    await pool.execute("truncate probe.attempt, probe.notice, probe.outbox")
    real, memory = Real(pool), Memory()
    for step in [("ingest", [0, 1]), ("claim", STATES), *todo]:
        answers = [await side.do(step) for side in (real, memory)]
        assert answers[0] == answers[1], step
        assert await real.tables() == await memory.tables(), step
        assert await real.due() == await memory.due(), step
