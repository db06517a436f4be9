"""The loops of the attempt engine; see the package's docstring for the way of an attempt.

The order of effects, always: the claim is stored (state `sending`) -> the provider is called ->
its answer and the result for the ledger are stored in one statement -> the relay publishes.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from cift_shared import metrics
from cift_shared.attempts import decide
from cift_shared.attempts.decide import Decision, Schedule
from cift_shared.attempts.results import Claim, State
from cift_shared.attempts.saver import Saver
from cift_shared.attempts.store import AttemptStore
from cift_shared.clock import Clock
from cift_shared.database import INFRASTRUCTURE_ERRORS
from cift_shared.errors import PaymentProcessorError, ProviderRejectedRequest
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.log import get_logger
from cift_shared.processor import (
    Answer,
    Attempt,
    InstrumentKeeper,
    MethodAttempt,
    Notice,
    PaymentProcessor,
)
from cift_shared.telemetry import span
from cift_shared.waiting import wait_for_event

CLAIM_MAX = 100
LOOKS_EVERY = timedelta(seconds=5)
"""A claim loop sleeps no longer; what is due later needs not wake it."""
STOP_GRACE_S = 35.0
"""Longer than a provider's read time-out: a call in flight is heard out before the process ends."""

log = get_logger()


class AttemptEngine:
    """Dispatches and polls attempts of one worker through its processor."""

    def __init__(
        self,
        store: AttemptStore,
        processor: PaymentProcessor,
        *,
        clock: Clock,
        published: Callable[[], None],
        concurrency: int = 64,
    ) -> None:
        self._store = store
        self._processor = processor
        self._clock = clock
        self._published = published
        self._saver = Saver(store, now=clock.now)
        self._recovery = asyncio.Lock()
        self._recovered = False
        self.dispatch = ClaimLoop(
            "dispatch", self, ("ready", "sending"), self._dispatch_one, concurrency=concurrency
        )
        self.poll = ClaimLoop(
            "poll",
            self,
            ("waiting", "unknown", *decide.ENDED),
            self._poll_one,
            concurrency=concurrency,
        )

    async def recover(self) -> None:
        """Once a process: what an earlier run of this instance still holds is due now."""
        async with self._recovery:  # both loops start here; the second must not free fresh claims
            if not self._recovered:
                await self._store.release_own()
                failpoint("worker.after_release")
                self._recovered = True

    async def claim(
        self, states: Sequence[State], *, limit: int
    ) -> list[tuple[Claim, Sequence[Notice]]]:
        """Claim due attempts, each with the notices that nobody has taken in yet."""
        claims = await self._store.claim(states, limit=limit)
        asked = [c.attempt.attempt_id for c in claims if c.state not in ("ready", "sending")]
        notices = await self._store.open_notices(asked) if asked else {}
        return [(claim, notices.get(claim.attempt.attempt_id, ())) for claim in claims]

    async def release_lost(self, states: Sequence[State], *, kept: Collection[AttemptId]) -> None:
        """Free claims of this process that never came back to it, so that they are due now."""
        await self._store.release_lost(states, kept=kept)

    async def next_due_s(self, states: Sequence[State]) -> float | None:
        """Seconds until an attempt in these states is due; None: none is."""
        return await self._store.next_due_s(states)

    async def _dispatch_one(self, claim: Claim, _: Sequence[Notice]) -> None:
        """Send one attempt to the provider, or say that it may have been sent before."""
        safe = self._resend_is_safe(claim.attempt)
        if claim.state == "sending" and not safe:
            await self._save(decide.after_crash(claim, now=self._clock.now()))
            return
        failpoint("worker.before_call")
        try:
            answer = await self._submit(claim.attempt)
        except PaymentProcessorError as error:
            log.warning("attempt.submit_failed", code=error.code, **_names(claim))
            decision = decide.after_submit_error(
                claim, error, resend_is_safe=safe, now=self._clock.now()
            )
        else:
            schedule = self._schedule(claim.attempt)
            decision = decide.after_submit(claim, answer, schedule, now=self._clock.now())
        failpoint("worker.after_call")
        await self._save(decision)

    async def _submit(self, attempt: Attempt | MethodAttempt) -> Answer:
        if isinstance(attempt, MethodAttempt):
            keeper = self._keeper()
            submit = keeper.process_setup if attempt.operation == "setup" else keeper.process_detach
            return await submit(attempt)
        match attempt.operation:
            case "deposit":
                return await self._processor.process_deposit(attempt)
            case "withdrawal":
                return await self._processor.process_withdrawal(attempt)
            case "refund":
                return await self._processor.process_refund(attempt)

    async def _ask(self, attempt: Attempt | MethodAttempt, notices: Sequence[Notice]) -> Answer:
        if isinstance(attempt, MethodAttempt):
            return await self._keeper().get_method_status(attempt, notices)
        return await self._processor.get_transaction_status(attempt, notices)

    def _schedule(self, attempt: Attempt | MethodAttempt) -> Schedule:
        if isinstance(attempt, MethodAttempt):
            return Schedule(self._keeper().method_check_delay(attempt))
        return Schedule(self._processor.check_delay(attempt))

    def _resend_is_safe(self, attempt: Attempt | MethodAttempt) -> bool:
        """A request about a saved method is asked about, never repeated blindly."""
        if isinstance(attempt, MethodAttempt):
            return False
        return self._processor.resend_is_safe(attempt.operation)

    def _keeper(self) -> InstrumentKeeper:
        if not isinstance(self._processor, InstrumentKeeper):
            raise ProviderRejectedRequest("not_offered", "this provider keeps no instruments")
        return self._processor

    async def _poll_one(self, claim: Claim, notices: Sequence[Notice]) -> None:
        """Ask the provider about one attempt, with its notices as hints."""
        asked = replace(claim.attempt, checks=claim.attempt.checks + 1)
        schedule = self._schedule(asked)
        notice_ids = [notice.notice_id for notice in notices]
        failpoint("worker.before_check")
        try:
            answer = await self._ask(claim.attempt, notices)
        except PaymentProcessorError as error:
            log.warning("attempt.check_failed", code=error.code, **_names(claim))
            decision = decide.after_check_error(claim, error, schedule)
        else:
            failpoint("worker.after_check")
            decision = decide.after_check(
                claim, answer, schedule, now=self._clock.now(), notice_ids=notice_ids
            )
        await self._save(replace(decision, seen_notice_ids=notice_ids))

    async def _save(self, decision: Decision) -> None:
        held = await self._saver.save(decision)
        failpoint("worker.after_save")
        if not held:
            log.warning("attempt.lease_lost", **_names(decision.claim))
            self.poll.wake()
            return
        if decision.result is not None:
            claim, kind = decision.claim, decision.result.kind
            metrics.ATTEMPT_RESULTS.labels(claim.method, claim.attempt.operation, kind).inc()
            log.info("attempt.result", kind=kind, **_names(claim))
            self._published()
        if decision.check_after is not None and decision.check_after <= LOOKS_EVERY:
            (self.dispatch if decision.state == "ready" else self.poll).wake()


class ClaimLoop:
    """Claims what is due and works on it, so many at a time; sleeps until the next is due."""

    def __init__(
        self,
        name: str,
        engine: AttemptEngine,
        states: Sequence[State],
        work: Callable[[Claim, Sequence[Notice]], Awaitable[None]],
        *,
        concurrency: int,
    ) -> None:
        self.name = f"attempts:{name}"
        self._engine = engine
        self._states = tuple(states)
        self._claimed_states: Sequence[State] = tuple(s for s in states if s != "ready")
        """What claims of this loop look like, and of no other."""
        self._work = work
        self._concurrency = concurrency
        self._due = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand: set[AttemptId] = set()
        """Claims whose work is not over, or ended without being stored: their leases stand."""
        self._claim_failed = False

    def wake(self) -> None:
        """Something may be due earlier than the loop thinks."""
        self._due.set()

    async def run(self) -> None:
        """Work until cancelled, then hear out the calls in flight."""
        try:
            await self._engine.recover()
            await self._release_lost()
            while True:
                self._due.clear()
                await self._wait_for_room()
                if not await self._claim_to_the_end() and not self._due.is_set():
                    await self._sleep()
        except INFRASTRUCTURE_ERRORS as error:
            log.warning("attempts.loop_failed", loop=self.name, error=repr(error))
        finally:
            await self._hear_out()

    async def _claim_to_the_end(self) -> bool:
        """Claim what is due; True when there may be more.

        A claim that has begun is worked on even when a stop comes in the middle of it.
        Otherwise an attempt would be left in `sending` though nothing was sent, and the next
        process would have to think that it was.
        """
        claiming = asyncio.create_task(self._claim_some())
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # its own error would take the place of the stop, and the loop would begin anew
            with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
                await claiming
            raise

    async def _release_lost(self) -> None:
        """A claim whose answer got lost may have been stored, and nobody works on it."""
        if self._claim_failed:
            await self._engine.release_lost(self._claimed_states, kept=self._in_hand)
            self._claim_failed = False

    async def _claim_some(self) -> bool:
        limit = min(self._concurrency - len(self._tasks), CLAIM_MAX)
        try:
            claims = await self._engine.claim(self._states, limit=limit)
        except INFRASTRUCTURE_ERRORS:
            self._claim_failed = True
            raise
        for claim, notices in claims:
            self._in_hand.add(claim.attempt.attempt_id)
            task = asyncio.create_task(self._guarded(claim, notices))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claims) == limit

    async def _guarded(self, claim: Claim, notices: Sequence[Notice]) -> None:
        """Work on one claim; whatever goes wrong, its lease ends and it is due again."""
        with span(f"attempt.{self.name}", parent=claim.trace, attributes=_names(claim)):
            try:
                await self._work(claim, notices)
                self._in_hand.discard(claim.attempt.attempt_id)
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("attempt.not_stored", error=repr(error), **_names(claim))
            except Exception:
                log.exception("attempt.failed", **_names(claim))

    async def _wait_for_room(self) -> None:
        while len(self._tasks) >= self._concurrency:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _sleep(self) -> None:
        due_s = await self._engine.next_due_s(self._states)
        longest_s = LOOKS_EVERY.total_seconds()
        await wait_for_event(self._due, longest_s if due_s is None else min(due_s, longest_s))

    async def _hear_out(self) -> None:
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=STOP_GRACE_S)
            for task in late:
                task.cancel()


def _names(claim: Claim) -> dict[str, str]:
    return {
        "payment_id": claim.payment_id,
        "attempt_id": str(claim.attempt.attempt_id),
        "operation": claim.attempt.operation,
    }
