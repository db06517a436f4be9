"""Canceling what the provider already has: on real PostgreSQL, with a scripted provider.

Business rule: such a payment is canceled only when the provider confirms it; until then it is
queried as before, and whatever dies or repeats, the wish to cancel is neither lost nor endless.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from cift_shared.messaging.messages import CancelPayment, PaymentResult, RequestDeposit
from cift_shared.messaging.outcomes import (
    Canceled,
    Declined,
    Failure,
    FailureCategory,
    Outcome,
    Pending,
    Settled,
    Submitted,
    Unknown,
)
from cift_shared.money.amount import Money
from cift_shared.runtime.service import running
from cift_shared.testing import ScriptedProcessor
from tests.integration.cift_shared.test_attempts import record
from tests.support.attempts import probe_pool
from tests.support.commands import CLOCK, VAULT, deposit

pytestmark = pytest.mark.integration

NO = Failure("payer_canceled", FailureCategory.DECLINED, "The payer said no.", retryable=True)
PAID = Settled(Money(100_00, "KES"), "R-1")
LOST = OutcomeUnknown("read_timeout", "no answer")


class Canceler(ScriptedProcessor):
    """Answers requests to cancel from a script; after it, with `Unknown`."""

    def __init__(self, *cancels: Outcome | Exception, **others: Any) -> None:
        super().__init__(**{"delay": timedelta(hours=1), **others})
        self._cancels = deque(cancels)
        self.canceled: list[str] = []

    async def process_cancel(self, attempt: Attempt) -> Answer:
        self.canceled.append(str(attempt.attempt_id))
        said = self._cancels.popleft() if self._cancels else Unknown("silent")
        if isinstance(said, Exception):
            raise said
        return Answer(said)


class Desk:
    """A worker whose turns a test takes one by one."""

    def __init__(self, pool: asyncpg.Pool, processor: ScriptedProcessor, *, able: bool = True):
        self.pool = pool
        self.processor = processor
        self.store = AttemptStore(
            pool, schema="probe", rail="mpesa", owner="w-0", vault=VAULT, cancels_at_provider=able
        )
        self.engine = AttemptEngine(self.store, processor, clock=CLOCK, wake_relay=lambda: None)
        self.woken = 0
        self.commands = CommandConsumer(
            self.store,
            rail="mpesa",
            clock=CLOCK,
            wake_dispatch=lambda: None,
            wake_relay=lambda: None,
            wake_poll=self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    async def take(self) -> RequestDeposit:
        command = deposit()
        await self.commands.handle([record(command)])
        return command

    async def wish(self, command: RequestDeposit, *, later: int = 0) -> None:
        at = CLOCK.now() + timedelta(seconds=later)
        wish = CancelPayment(payment_id=command.payment_id, requested_at=at)
        assert await self.commands.handle([record(wish)]) == []

    async def turn(self) -> None:
        """Work once on everything that is due."""
        for loop in (self.engine.dispatch, self.engine.poll):
            await loop._claim_some()
            await asyncio.gather(*loop._tasks)

    async def later(self) -> None:
        await self.pool.execute("update probe.attempt set next_check_at = now() "
                                "where next_check_at is not null")  # fmt: skip
        await self.turn()

    async def told(self) -> list[PaymentResult]:
        rows = await self.pool.fetch("select body from probe.outbox order by id")
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def last(self) -> tuple[str, str | None, list[str]]:
        """Kind, code of the failure and steps of the last result."""
        result = (await self.told())[-1]
        code = result.failure.code if result.failure else None
        return result.kind, code, [step.name for step in result.evidence]

    async def state(self) -> str:
        return str(await self.pool.fetchval("select state from probe.attempt"))

    async def open_wishes(self) -> int:
        return int(await self.pool.fetchval(
            "select count(*) from probe.notice where handled_at is null"))  # fmt: skip


@pytest.fixture
async def pool(emptied_database: str) -> AsyncIterator[asyncpg.Pool]:
    async with probe_pool(emptied_database) as pool:
        yield pool


async def sent(pool: asyncpg.Pool, processor: ScriptedProcessor) -> tuple[Desk, RequestDeposit]:
    """A payment that the provider has, and whose next query is an hour away."""
    desk = Desk(pool, processor)
    command = await desk.take()
    await desk.turn()
    assert await desk.state() == "waiting"
    return desk, command


async def test_it_is_canceled_when_the_provider_confirms_it(pool) -> None:
    desk, command = await sent(pool, processor := Canceler(Canceled()))
    await desk.wish(command)
    assert desk.woken == 1
    assert (await desk.told())[-1].kind == "submitted"  # nothing is told before the provider has
    await desk.turn()
    assert await desk.last() == ("canceled", "canceled_at_provider", ["cancel.done"])
    assert (await desk.state(), await desk.open_wishes()) == ("done", 0)
    assert len(processor.canceled) == 1
    assert processor.checked.total() == 0


@pytest.mark.parametrize(
    ("said", "kind"), [(PAID, "settled"), (Declined(NO), "declined")], ids=["settled", "declined"]
)
async def test_too_late_ends_it_as_the_provider_says(pool, said: Outcome, kind: str) -> None:
    desk, command = await sent(pool, Canceler(said))
    await desk.wish(command)
    await desk.turn()
    told, _, steps = await desk.last()
    assert (told, steps) == (kind, ["cancel.too_late"])
    assert (await desk.state(), await desk.open_wishes()) == ("done", 0)


@pytest.mark.parametrize("said", [Pending(), Submitted()])
async def test_a_provider_that_has_the_request_is_queried_not_asked_again(
    pool, said: Outcome
) -> None:
    desk, command = await sent(pool, processor := Canceler(said, checks=[Canceled()]))
    await desk.wish(command)
    await desk.turn()
    assert await desk.last() == ("noted", None, ["cancel.sent"])
    assert (await desk.state(), await desk.open_wishes()) == ("waiting", 0)
    await desk.later()
    assert (await desk.last())[:2] == ("canceled", "canceled_at_provider")
    assert (len(processor.canceled), processor.checked.total()) == (1, 1)


@pytest.mark.parametrize(
    "said",
    [Unknown("unreadable"), LOST, ProviderUnavailable("refused", "away")],
    ids=["unreadable", "lost", "away"],
)
async def test_without_an_answer_it_is_queried_and_asked_again(
    pool, said: Outcome | PaymentProcessorError
) -> None:
    desk, command = await sent(pool, processor := Canceler(said, Canceled()))
    await desk.wish(command)
    await desk.turn()
    assert (await desk.state(), await desk.open_wishes()) == ("waiting", 1)
    assert (len(processor.canceled), processor.checked.total()) == (1, 1)
    await desk.turn()  # not due at once: a provider that is away is not called without a pause
    assert len(processor.canceled) == 1
    await desk.later()
    assert (await desk.last())[:2] == ("canceled", "canceled_at_provider")


async def test_what_settles_meanwhile_is_settled(pool) -> None:
    desk, command = await sent(pool, processor := Canceler(LOST, checks=[PAID]))
    await desk.wish(command)
    await desk.turn()
    assert (await desk.last())[0] == "settled"
    assert (await desk.state(), await desk.open_wishes()) == ("done", 0)
    await desk.wish(command, later=1)
    assert await desk.last() == ("noted", None, ["cancel.too_late"])
    await desk.later()
    assert len(processor.canceled) == 1


async def test_a_refusal_is_told_once_and_the_payment_goes_on(pool) -> None:
    refused = ProviderRejectedRequest("not_now", "it can't be canceled")
    desk, command = await sent(pool, processor := Canceler(refused, checks=[Pending(), PAID]))
    await desk.wish(command)
    await desk.turn()
    assert await desk.last() == ("noted", None, ["cancel.refused"])
    await desk.later()
    assert (await desk.last())[0] == "settled"
    assert len(processor.canceled) == 1


async def test_a_wish_comes_twice_and_is_one_until_the_merchant_wishes_again(pool) -> None:
    refused = ProviderRejectedRequest("not_now", "it can't be canceled")
    desk, command = await sent(pool, processor := Canceler(refused, Canceled()))
    await desk.wish(command)
    await desk.turn()
    await desk.wish(command)
    await desk.turn()
    assert len(processor.canceled) == 1
    await desk.wish(command, later=5)
    await desk.turn()
    assert len(processor.canceled) == 2
    assert (await desk.last())[0] == "canceled"


async def test_after_a_death_between_call_and_save_the_provider_is_asked_again(
    pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, command = await sent(pool, processor := Canceler(Canceled(), Canceled()))
    await desk.wish(command)

    def die(point: str) -> None:
        if point == "worker.after_check":
            raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("cift_shared.attempts.engine.failpoint", die)
        await desk.turn()
    assert (await desk.state(), await desk.open_wishes()) == ("waiting", 1)
    await desk.later()
    assert (await desk.last())[0] == "canceled"
    assert len(set(processor.canceled)) == 1
    assert len(processor.canceled) == 2


async def test_a_wish_during_a_query_is_not_lost(pool) -> None:
    desk, command = await sent(pool, processor := Canceler(Canceled()))
    await pool.execute("update probe.attempt set next_check_at = now()")
    claims = await desk.engine.claim(("waiting",), limit=1)
    await desk.wish(command)
    await desk.engine._poll_one(*claims[0])
    assert processor.canceled == []
    await desk.turn()
    assert (await desk.last())[0] == "canceled"


async def test_what_was_not_sent_after_all_is_not_sent_any_more(pool) -> None:
    """The cancel comes while it is being sent; the provider is away, so nothing was sent."""
    processor = Canceler(submits=[ProviderUnavailable("refused", "away")])
    desk = Desk(pool, processor)
    command = await desk.take()
    claims = await desk.engine.claim(("ready",), limit=1)
    await desk.wish(command)
    assert await desk.open_wishes() == 1
    await desk.engine._dispatch_one(*claims[0])
    assert await desk.state() == "ready"
    await desk.later()
    assert await desk.last() == ("canceled", "canceled", ["cancel.done"])
    assert (processor.submitted.total(), processor.canceled) == (1, [])
    assert await desk.open_wishes() == 0


async def test_what_may_have_been_sent_is_sent_again_before_it_is_canceled(pool) -> None:
    """Only then it is certain that the provider has something to cancel."""
    processor = Canceler(Canceled(), submits=[LOST, Submitted("ref-1")], safe=True)
    desk = Desk(pool, processor)
    command = await desk.take()
    claims = await desk.engine.claim(("ready",), limit=1)
    await desk.wish(command)
    await desk.engine._dispatch_one(*claims[0])
    assert await desk.state() == "ready"
    await desk.later()
    assert (await desk.last())[:2] == ("canceled", "canceled_at_provider")
    assert (processor.submitted.total(), len(processor.canceled)) == (2, 1)


async def test_a_rail_that_cannot_cancel_says_too_late(pool) -> None:
    processor = ScriptedProcessor(delay=timedelta(hours=1))
    desk = Desk(pool, processor, able=False)
    command = await desk.take()
    await desk.turn()
    await desk.wish(command)
    assert await desk.last() == ("noted", None, ["cancel.too_late"])
    assert await desk.open_wishes() == 0


async def test_running_loops_cancel_at_once(pool) -> None:
    desk = Desk(pool, Canceler(Canceled()))
    desk.commands._wake_poll = desk.engine.poll.wake
    desk.commands._wake_dispatch = desk.engine.dispatch.wake
    async with running([desk.engine.dispatch, desk.engine.poll]), asyncio.timeout(60):
        command = await desk.take()
        while await desk.state() != "waiting":
            await asyncio.sleep(0.01)
        await desk.wish(command)
        while await desk.state() != "done":
            await asyncio.sleep(0.01)
    assert (await desk.last())[0] == "canceled"
