"""The attempt engine on real PostgreSQL, with a scripted provider.

Business rule: whatever dies or repeats, one command has at most one effect at the provider, and
every attempt either ends or is due again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from pydantic import BaseModel

from cift_shared.attempts import (
    AttemptEngine,
    AttemptStore,
    CommandConsumer,
    NoticeConsumer,
    queries,
)
from cift_shared.attempts.processor import Answer
from cift_shared.attempts.results import Claim
from cift_shared.attempts.state_machine import (
    Schedule,
    after_crash,
    after_submit,
    after_submit_error,
)
from cift_shared.attempts.store import attempt_id_of
from cift_shared.errors import (
    OutcomeUnknown,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.kafka import Record
from cift_shared.messaging.messages import (
    CancelPayment,
    MethodResult,
    PaymentResult,
    ProviderNotice,
    RequestDeposit,
    RequestSetup,
)
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Failure,
    FailureCategory,
    Settled,
    Submitted,
)
from cift_shared.messaging.topics import METHOD_RESULTS
from cift_shared.money.amount import Money
from cift_shared.runtime.service import running
from cift_shared.testing import ScriptedProcessor
from mpesa_method.purposes import Purpose
from tests.support.attempts import probe_pool
from tests.support.commands import CLOCK, IDS, VAULT, deposit, withdrawal

pytestmark = pytest.mark.integration

NO = Failure("payer_canceled", FailureCategory.DECLINED, "The payer said no.", retryable=True)


class Worker:
    """A worker around a scripted processor: its tables, its intake, its loops."""

    def __init__(self, pool: asyncpg.Pool, processor: ScriptedProcessor, owner: str) -> None:
        self.pool = pool
        self.processor = processor
        self.store = AttemptStore(pool, schema="probe", rail="mpesa", owner=owner, vault=VAULT)
        self.engine = AttemptEngine(self.store, processor, clock=CLOCK, wake_relay=lambda: None)
        self.commands = CommandConsumer(
            self.store,
            rail="mpesa",
            clock=CLOCK,
            wake_dispatch=self.engine.dispatch.wake,
            wake_relay=lambda: None,
            wake_poll=self.engine.poll.wake,
        )
        self.notices = NoticeConsumer(
            self.store,
            vault=VAULT,
            read_fingerprint=lambda body: body.decode(),
            wake_poll=self.engine.poll.wake,
        )
        self.loops = AsyncExitStack()

    async def start(self) -> None:
        await self.loops.enter_async_context(running([self.engine.dispatch, self.engine.poll]))

    async def results(self, payment_id: UUID) -> list[PaymentResult]:
        rows = await self.pool.fetch(
            "select body from probe.outbox where key = $1 order by id", str(payment_id)
        )
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def kinds(self, payment_id: UUID, *, until: str) -> Sequence[str]:
        """The kinds of results so far, once one of kind `until` is there."""
        async with asyncio.timeout(60):
            while True:
                kinds = [result.kind for result in await self.results(payment_id)]
                if until in kinds:
                    return kinds
                await asyncio.sleep(0.01)

    async def state(self, payment_id: UUID) -> str:
        return await self.pool.fetchval(
            "select state from probe.attempt where payment_id = $1", payment_id
        )


@pytest.fixture
async def pool(emptied_database: str) -> AsyncIterator[asyncpg.Pool]:
    async with probe_pool(emptied_database) as pool:
        yield pool


@pytest.fixture
async def workers(pool: asyncpg.Pool) -> AsyncIterator["list[Worker]"]:
    started: list[Worker] = []
    yield started
    for worker in started:
        await worker.loops.aclose()


def record(message: BaseModel, offset: int = 0) -> Record:
    return Record("payments.commands.mpesa", 0, offset, None, message.model_dump_json().encode())


async def start(
    workers: list[Worker], pool: asyncpg.Pool, processor: ScriptedProcessor, owner: str = "w-0"
) -> Worker:
    worker = Worker(pool, processor, owner)
    workers.append(worker)
    await worker.start()
    return worker


async def claim_all(store: AttemptStore) -> Sequence[Claim]:
    return await store.claim(("ready", "sending", "waiting", "unknown", "done"), limit=10)


async def test_a_deposit_is_submitted_asked_about_and_settled(workers, pool) -> None:
    processor = ScriptedProcessor(
        submits=[ActionRequired({"type": "confirm_on_phone"}, "ref-9")],
        checks=[Settled(Money(100_00, "KES"), "RECEIPT1")],
    )
    worker = await start(workers, pool, processor)
    command = deposit()
    assert await worker.commands.handle([record(command)]) == []
    assert await worker.kinds(command.payment_id, until="settled") == ["action_required", "settled"]
    settled = (await worker.results(command.payment_id))[-1]
    assert settled.amount == Money(100_00, "KES")
    assert settled.provider_reference == "RECEIPT1"
    assert await worker.state(command.payment_id) == "done"


async def test_a_repeated_command_is_sent_once_and_answered_again(workers, pool) -> None:
    processor = ScriptedProcessor(checks=[Declined(NO)])
    worker = await start(workers, pool, processor)
    command = deposit()
    await worker.commands.handle([record(command), record(command, 1)])
    await worker.kinds(command.payment_id, until="declined")
    await worker.commands.handle([record(command, 2)])
    results = await worker.results(command.payment_id)
    assert processor.submitted.total() == 1
    assert [result.kind for result in results] == ["submitted", "declined", "declined"]
    assert results[1].result_id == results[2].result_id


@pytest.mark.parametrize("safe", [False, True])
async def test_death_in_mid_call(workers, pool, safe: bool) -> None:
    """A claim whose holder died is asked about where a second request is not refused."""
    processor = ScriptedProcessor(safe=safe, checks=[Settled(Money(100_00, "KES"))] * 2)
    dead = Worker(pool, processor, "w-0")
    command = withdrawal()
    await dead.commands.handle([record(command)])
    assert [claim.state for claim in await claim_all(dead.store)] == ["ready"]  # and it dies here
    reborn = await start(workers, pool, processor, "w-0")
    kinds = await reborn.kinds(command.payment_id, until="settled")
    assert processor.submitted.total() == (1 if safe else 0)
    assert kinds == (["submitted", "settled"] if safe else ["unknown", "settled"])


async def test_another_workers_lease_is_left_alone(workers, pool) -> None:
    processor = ScriptedProcessor(safe=True)
    busy = Worker(pool, processor, "w-1")
    command = deposit()
    await busy.commands.handle([record(command)])
    await claim_all(busy.store)
    other = await start(workers, pool, processor, "w-0")
    await asyncio.sleep(0.2)
    assert processor.submitted.total() == 0
    assert await other.results(command.payment_id) == []


async def test_a_zombies_answer_is_remembered_but_decides_nothing(workers, pool) -> None:
    processor = ScriptedProcessor()
    zombie = Worker(pool, processor, "w-1")
    command = deposit()
    await zombie.commands.handle([record(command)])
    (claim,) = await claim_all(zombie.store)
    await pool.execute("update probe.attempt set next_check_at = now()")
    (held,) = await claim_all(zombie.store)  # someone else holds it now
    answer = Answer(Submitted("late"), memory={"checkout": "sealed"})
    decision = after_submit(claim, answer, Schedule(timedelta(seconds=1)), now=CLOCK.now())
    assert await zombie.store.save([decision], now=CLOCK.now()) == set()
    row = await pool.fetchrow("select memory, seq from probe.attempt")
    assert (row["memory"], row["seq"]) == ({"checkout": "sealed"}, 0)
    # in hand it stays leased, else its holder would be late in turn, without end; then it is due
    assert await claim_all(zombie.store) == []
    await zombie.store.save([after_crash(held, now=CLOCK.now())], now=CLOCK.now())
    (due,) = await claim_all(zombie.store)
    assert due.attempt.memory == {"checkout": "sealed"}


async def test_a_save_that_comes_again_unheard_changes_nothing(workers, pool) -> None:
    """What may safely be sent again stays so, though its row was touched: by its own first save."""
    worker = Worker(pool, ScriptedProcessor(safe=True), "w-1")
    command = withdrawal()
    await worker.commands.handle([record(command)])
    (claim,) = await claim_all(worker.store)
    lost = OutcomeUnknown("provider_answer_lost", "no answer")
    decision = after_submit_error(claim, lost, resend_is_safe=True, now=CLOCK.now())
    for _ in range(2):
        await worker.store.save([decision], now=CLOCK.now())
        assert await worker.state(command.payment_id) == "ready"
    assert await claim_all(worker.store) == []


async def test_a_result_that_is_saved_again_unheard_keeps_its_number(workers, pool) -> None:
    """A number that no result has would be waited for, for ever."""
    worker = Worker(pool, ScriptedProcessor(), "w-1")
    await worker.commands.handle([record(deposit())])
    (claim,) = await claim_all(worker.store)
    answer = Answer(Submitted("ws_CO_1"))
    decision = after_submit(claim, answer, Schedule(timedelta(seconds=1)), now=CLOCK.now())
    for _ in range(2):
        await worker.store.save([decision], now=CLOCK.now())
    assert await pool.fetchval("select count(distinct headers->>'ce_id') from probe.outbox") == 1
    await pool.execute("update probe.attempt set next_check_at = now()")
    (again,) = await claim_all(worker.store)
    assert again.seq == 1


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (ProviderUnavailable("refused", "refused"), ["noted", "submitted"]),
        (ProviderThrottled("spike", "slow down", retry_after_s=0), ["noted", "submitted"]),
    ],
)
async def test_what_was_not_sent_is_sent_again(workers, pool, error, kinds) -> None:
    processor = ScriptedProcessor(submits=[error])
    worker = await start(workers, pool, processor)
    command = deposit()
    await worker.commands.handle([record(command)])
    assert await worker.kinds(command.payment_id, until="submitted") == kinds
    assert processor.submitted.total() == 2


async def test_an_unreadable_answer_is_never_sent_again_blindly(workers, pool) -> None:
    processor = ScriptedProcessor(
        submits=[OutcomeUnknown("read_timeout", "no answer")],
        checks=[Settled(Money(100_00, "KES"))],
    )
    worker = await start(workers, pool, processor)
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="unknown")
    await pool.execute("update probe.attempt set next_check_at = now() where lease_owner is null")
    worker.engine.poll.wake()
    assert await worker.kinds(command.payment_id, until="settled") == ["unknown", "settled"]
    assert processor.submitted.total() == 1


async def test_an_unreadable_answer_is_sent_again_under_the_same_key_where_that_is_safe(
    workers, pool
) -> None:
    processor = ScriptedProcessor(submits=[OutcomeUnknown("reset", "reset")], safe=True)
    worker = await start(workers, pool, processor)
    command = withdrawal()
    await worker.commands.handle([record(command)])
    assert await worker.kinds(command.payment_id, until="submitted") == ["unknown", "submitted"]
    assert processor.submitted == {str(attempt_id_of(command.payment_id)): 2}


async def test_a_provider_that_keeps_no_instruments_says_so(workers, pool) -> None:
    worker = await start(workers, pool, ScriptedProcessor())
    command = RequestSetup(
        payment_method_id=IDS.new_id(),
        merchant_id="m_test",
        livemode=False,
        customer_id="cus_1",
        method="mpesa",
        accepted_at=CLOCK.now(),
    )
    await worker.commands.handle([record(command)])
    async with asyncio.timeout(60):
        while not (row := await pool.fetchrow("select topic, key, body from probe.outbox")):
            await asyncio.sleep(0.01)
    result = MethodResult.model_validate_json(row["body"])
    assert (row["topic"], row["key"]) == (METHOD_RESULTS, str(command.payment_method_id))
    assert (result.kind, result.seq) == ("failed", 1)
    assert result.failure is not None
    assert result.failure.code == "not_offered"


async def test_refused_credentials_fail_the_payment(workers, pool) -> None:
    refused = ProviderRejectedRequest("provider_credentials_refused", "no")
    worker = await start(workers, pool, ScriptedProcessor(submits=[refused]))
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="declined")
    (result,) = await worker.results(command.payment_id)
    assert result.failure is not None
    assert result.failure.code == "provider_credentials_refused"


async def test_a_notice_makes_the_attempt_due_at_once(workers, pool) -> None:
    processor = ScriptedProcessor(
        checks=[Settled(Money(100_00, "KES"), "R1")], delay=timedelta(hours=1)
    )
    worker = await start(workers, pool, processor)
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="submitted")
    notice = ProviderNotice(
        notice_id="n1",
        provider="mpesa",
        attempt_id=attempt_id_of(command.payment_id),
        purpose=Purpose.STK_PUSH,
        sealed_body=VAULT.seal(b"{}", context="notice"),
        source_listed=True,
        received_at=CLOCK.now(),
    )
    assert await worker.notices.handle([record(notice), record(notice, 1)]) == []
    await worker.kinds(command.payment_id, until="settled")
    assert processor.notices_seen == ["n1"]
    assert await pool.fetchval("select count(*) from probe.notice where handled_at is null") == 0


async def test_a_notice_to_the_general_address_finds_its_attempt_by_fingerprint(
    workers, pool
) -> None:
    processor = ScriptedProcessor(
        submits=[Answer(Submitted(), fingerprint="fp-1")],
        checks=[Settled(Money(100_00, "KES"))],
        delay=timedelta(hours=1),
    )
    worker = await start(workers, pool, processor)
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="submitted")
    strange, ours = (
        ProviderNotice(
            notice_id=f"n-{body}",
            provider="mpesa",
            attempt_id=None,
            purpose=None,
            sealed_body=VAULT.seal(body.encode(), context="notice"),
            source_listed=False,
            received_at=CLOCK.now(),
        )
        for body in ("fp-0", "fp-1")
    )
    await worker.notices.handle([record(strange), record(ours)])
    await worker.kinds(command.payment_id, until="settled")
    assert processor.notices_seen == ["n-fp-1"]


async def test_a_late_notice_reopens_a_finished_attempt(workers, pool) -> None:
    processor = ScriptedProcessor(checks=[Declined(NO), Settled(Money(100_00, "KES"), "R2")])
    worker = await start(workers, pool, processor)
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="declined")
    notice = ProviderNotice(
        notice_id="late",
        provider="mpesa",
        attempt_id=attempt_id_of(command.payment_id),
        purpose=Purpose.STK_PUSH,
        sealed_body=VAULT.seal(b"{}", context="notice"),
        source_listed=True,
        received_at=CLOCK.now(),
    )
    await worker.notices.handle([record(notice)])
    assert (await worker.kinds(command.payment_id, until="settled"))[-2:] == ["declined", "settled"]


async def test_a_notice_for_an_attempt_in_review_is_read(workers, pool) -> None:
    """People look at it; what the provider tells meanwhile belongs to what they look at."""
    checks = [Conflicting("two answers"), Settled(Money(100_00, "KES"), "R2")]
    worker = await start(workers, pool, ScriptedProcessor(checks=checks))
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="conflicting")
    await worker.notices.handle([record(notice_of(command, "late"))])
    kinds = await worker.kinds(command.payment_id, until="settled")
    assert kinds[-2:] == ["conflicting", "settled"]
    assert await pool.fetchval("select count(*) from probe.notice where handled_at is null") == 0


def notice_of(command: RequestDeposit, name: str) -> ProviderNotice:
    return ProviderNotice(
        notice_id=name,
        provider="mpesa",
        attempt_id=attempt_id_of(command.payment_id),
        purpose=Purpose.STK_PUSH,
        sealed_body=VAULT.seal(b"{}", context="notice"),
        source_listed=True,
        received_at=CLOCK.now(),
    )


async def test_a_notice_that_is_stored_while_the_verdict_is_stored_is_read(workers, pool) -> None:
    """Neither sees the other's rows before its commit; a late contradiction must not sleep."""
    worker = Worker(pool, ScriptedProcessor(), "w-0")
    command = deposit()
    await worker.commands.handle([record(command)])
    (claim,) = await claim_all(worker.store)
    verdict = after_submit(
        claim, Answer(Declined(NO)), Schedule(timedelta(seconds=1)), now=CLOCK.now()
    )
    attempt_id = claim.attempt.attempt_id
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "insert into probe.notice (notice_id, attempt_id, sealed_body, source_listed, "
            "received_at) values ('n1', $1, '', true, now())",
            attempt_id,
        )
        await connection.fetch(queries.MAKE_DUE.format(schema="probe"), [attempt_id])
        saving = asyncio.create_task(worker.store.save([verdict], now=CLOCK.now()))
        await blocked(pool)  # it began before the notice could be seen
    assert await saving == {attempt_id}
    row = await pool.fetchrow(
        "select state, next_check_at <= now() as due, lease_owner from probe.attempt"
    )
    assert dict(row) == {"state": "done", "due": True, "lease_owner": None}


@pytest.mark.parametrize("lost", ["claim", "open_notices"])
async def test_a_claim_whose_answer_is_lost_is_made_again(workers, pool, lost, monkeypatch) -> None:
    """The claim is stored, its answer lost: nothing was sent, so it is sent once, and soon."""
    processor = ScriptedProcessor(checks=[Settled(Money(100_00, "KES"))])
    worker = Worker(pool, processor, "w-0")
    workers.append(worker)
    command = deposit()
    await worker.commands.handle([record(command)])
    real = getattr(worker.store, lost)
    failures: list[str] = []

    async def heard_too_late(*args, **options):
        answer = await real(*args, **options)
        if not failures and (answer or lost == "open_notices"):
            failures.append(answer)
            raise ConnectionResetError("the answer is lost")
        return answer

    monkeypatch.setattr(worker.store, lost, heard_too_late)
    await worker.start()
    await worker.kinds(command.payment_id, until="submitted")
    kinds = await worker.kinds(command.payment_id, until="settled")
    assert failures
    assert kinds == ["submitted", "settled"]
    assert processor.submitted.total() == 1


async def test_what_is_worked_on_keeps_its_lease_when_lost_claims_are_freed(pool) -> None:
    worker, twin = (Worker(pool, ScriptedProcessor(), "w-0") for _ in range(2))
    await worker.commands.handle([record(deposit()), record(deposit(), 1)])
    (mine, lost) = await claim_all(worker.store)
    await twin.commands.handle([record(deposit(), 2)])
    await claim_all(twin.store)  # another process under the same name: nobody here knows its work
    await worker.store.release_lost(["sending"], kept=[mine.attempt.attempt_id])
    rows = await pool.fetch("select attempt_id, state from probe.attempt where lease_owner is null")
    assert [(row["attempt_id"], row["state"]) for row in rows] == [
        (lost.attempt.attempt_id, "ready")
    ]


async def blocked(pool: asyncpg.Pool) -> None:
    """Until a statement waits for a lock."""
    async with asyncio.timeout(60):
        while not await pool.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() "
            "and wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)


async def test_who_tells_of_a_request_has_it_so_it_is_asked_about_and_not_sent_again(
    workers, pool
) -> None:
    """The answer was unreadable, sending again is safe; the provider's own word comes first."""
    processor = ScriptedProcessor(
        submits=[OutcomeUnknown("reset", "reset")] * 100,
        checks=[Settled(Money(100_00, "KES"), "R1")],
        safe=True,
    )
    worker = await start(workers, pool, processor)
    command = withdrawal()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="unknown")
    await worker.notices.handle([record(notice_of(command, "told"))])
    kinds = await worker.kinds(command.payment_id, until="settled")
    assert kinds[-1] == "settled"
    assert set(kinds[:-1]) == {"unknown"}
    assert processor.notices_seen == ["told"]
    assert processor.submitted.total() <= 2  # once more at most: it was in hand as the notice came


async def test_cancel_before_it_was_sent(workers, pool) -> None:
    processor = ScriptedProcessor()
    idle = Worker(pool, processor, "w-0")
    command = deposit()
    cancel = CancelPayment(payment_id=command.payment_id, requested_at=CLOCK.now())
    await idle.commands.handle([record(command), record(cancel, 1)])
    worker = await start(workers, pool, processor)
    assert await worker.kinds(command.payment_id, until="canceled") == ["canceled"]
    await worker.commands.handle([record(command, 2)])
    await asyncio.sleep(0.1)
    assert processor.submitted.total() == 0


async def test_cancel_that_overtook_its_command(workers, pool) -> None:
    processor = ScriptedProcessor()
    worker = await start(workers, pool, processor)
    command = deposit()
    cancel = CancelPayment(payment_id=command.payment_id, requested_at=CLOCK.now())
    await worker.commands.handle([record(cancel)])
    await worker.commands.handle([record(command, 1)])
    await asyncio.sleep(0.1)
    assert {r.kind for r in await worker.results(command.payment_id)} == {"canceled"}
    assert processor.submitted.total() == 0


async def test_cancel_after_it_was_sent_is_told_but_changes_nothing(workers, pool) -> None:
    worker = await start(workers, pool, ScriptedProcessor(delay=timedelta(hours=1)))
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="submitted")
    cancel = CancelPayment(payment_id=command.payment_id, requested_at=CLOCK.now())
    await worker.commands.handle([record(cancel)])
    results = await worker.results(command.payment_id)
    assert results[-1].evidence[0].name == "cancel.too_late"
    assert results[-1].next_check_at is not None  # it is still looked after
    assert await worker.state(command.payment_id) == "waiting"


async def test_when_the_schedule_ends_people_look(workers, pool) -> None:
    worker = await start(workers, pool, ScriptedProcessor(delay=None))
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="submitted")
    await pool.execute("update probe.attempt set next_check_at = now()")
    worker.engine.poll.wake()
    await worker.kinds(command.payment_id, until="conflicting")
    assert await worker.state(command.payment_id) == "review"


async def test_contradicting_evidence_goes_to_people(workers, pool) -> None:
    worker = await start(workers, pool, ScriptedProcessor(checks=[Conflicting("two answers")]))
    command = deposit()
    await worker.commands.handle([record(command)])
    await worker.kinds(command.payment_id, until="conflicting")
    assert await worker.state(command.payment_id) == "review"


async def test_a_bug_in_a_processor_holds_up_nobody_else(workers, pool) -> None:
    processor = ScriptedProcessor(submits=[ZeroDivisionError("bug"), Submitted("ok")])
    worker = await start(workers, pool, processor)
    first, second = deposit(), deposit()
    await worker.commands.handle([record(first)])
    await asyncio.sleep(0.05)
    await worker.commands.handle([record(second)])
    await worker.kinds(second.payment_id, until="submitted")
    assert await worker.state(first.payment_id) == "sending"


async def test_what_can_not_be_read_is_refused_and_the_rest_is_taken(workers, pool) -> None:
    worker = await start(workers, pool, ScriptedProcessor())
    good = deposit()
    foreign = good.model_copy(update={"method": "card", "payment_id": UUID(int=7)})
    bad = [
        Record("payments.commands.mpesa", 0, 1, None, body)
        for body in (b"", None, b"{", b"[]", b'{"kind":"request_deposit"}', b'{"kind":"dance"}')
    ]
    refusals = await worker.commands.handle([*bad, record(foreign), record(good, 9)])
    assert [refusal.reason for refusal in refusals] == ["undecodable"] * 6 + ["wrong_rail"]
    await worker.kinds(good.payment_id, until="submitted")


async def test_many_attempts_at_once_each_once(workers, pool) -> None:
    processor = ScriptedProcessor(safe=False)
    first = await start(workers, pool, processor, "w-0")
    await start(workers, pool, processor, "w-1")
    commands: list[RequestDeposit] = [deposit() for _ in range(200)]
    await first.commands.handle([record(command) for command in commands])
    first.engine.dispatch.wake()
    async with asyncio.timeout(60):
        while (
            await pool.fetchval("select count(*) from probe.attempt where state = 'waiting'") < 200
        ):
            await asyncio.sleep(0.05)
    assert set(processor.submitted.values()) == {1}
    assert len(processor.submitted) == 200


async def test_a_stop_in_the_middle_of_a_claim_leaves_nothing_half_sent(workers, pool) -> None:
    """Whenever the stop comes, an attempt is either untouched or its answer is stored."""
    processor = ScriptedProcessor(delay=timedelta(hours=1))
    for delay_ms in range(0, 12, 2):
        worker = await start(workers, pool, processor)
        command = deposit()
        await worker.commands.handle([record(command)])
        worker.engine.dispatch.wake()
        await asyncio.sleep(delay_ms / 1000)
        await worker.loops.aclose()
        assert await worker.state(command.payment_id) in ("ready", "waiting")
