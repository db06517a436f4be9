"""The loops of the attempt engine; the package's docstring lists the steps of an attempt.

Effects always have this order: the claim is stored (state `sending`) -> the provider is called ->
its answer and the result for the ledger are stored in one statement -> the relay publishes.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from cift_shared.attempts import state_machine
from cift_shared.attempts.cancellation import (
    NO_REPLY,
    CancelReply,
    after_cancel,
    after_cancel_error,
    cancel_request_ids,
    canceled_unsent,
)
from cift_shared.attempts.processor import Notice, PaymentProcessor
from cift_shared.attempts.provider_calls import ProviderCalls
from cift_shared.attempts.results import Claim, State, hints_of
from cift_shared.attempts.state_machine import Decision
from cift_shared.attempts.store import AttemptStore
from cift_shared.attempts.write_batcher import WriteBatcher
from cift_shared.clock import Clock
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from cift_shared.database.restored import MARK
from cift_shared.errors import PaymentProcessorError
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.observability.telemetry import span
from cift_shared.waiting import Gap, wait_for_event

CLAIM_MAX = 100
SLEEP_MAX = timedelta(seconds=5)
"""Longest sleep of a claim loop; an attempt that is due later does not have to wake the loop."""
BUSY_GAP_S = 0.015
"""A busy claim loop takes what became due within this time together."""
STOP_GRACE_S = 35.0
"""Longer than a provider's read time-out: calls in progress can finish before the process ends."""

log = get_logger()


class AttemptEngine:
    """Dispatches and polls attempts of one worker through its processor."""

    def __init__(
        self,
        store: AttemptStore,
        processor: PaymentProcessor,
        *,
        clock: Clock,
        wake_relay: Callable[[], None],
        concurrency: int = 64,
    ) -> None:
        self._store = store
        self._provider = ProviderCalls(processor)
        self._clock = clock
        self._wake_relay = wake_relay
        self._batcher = WriteBatcher(store, now=clock.now)
        self._recovery = asyncio.Lock()
        self._recovered = False
        self.dispatch = ClaimLoop(
            "dispatch", self, ("ready", "sending"), self._dispatch_one, concurrency=concurrency
        )
        self.poll = ClaimLoop(
            "poll",
            self,
            ("waiting", "unknown", *state_machine.ENDED),
            self._poll_one,
            concurrency=concurrency,
        )

    async def recover(self) -> None:
        """Make due the claims of an earlier run of this instance; runs once per process."""
        async with self._recovery:  # both loops call this; the second must not release new claims
            if not self._recovered:
                await self._store.release_own()
                failpoint("worker.after_release")
                self._recovered = True

    async def claim(
        self, states: Sequence[State], *, limit: int
    ) -> list[tuple[Claim, Sequence[Notice]]]:
        """Claim due attempts, each with its unhandled notices."""
        claims = await self._store.claim(states, limit=limit)
        unsent = () if self._provider.cancels else ("ready", "sending")
        ids = [claim.attempt.attempt_id for claim in claims if claim.state not in unsent]
        notices = await self._store.open_notices(ids) if ids else {}
        return [(claim, notices.get(claim.attempt.attempt_id, ())) for claim in claims]

    async def release_lost(self, states: Sequence[State], *, kept: Collection[AttemptId]) -> None:
        """Make due the claims that were stored but whose reply this process never received."""
        await self._store.release_lost(states, kept=kept)

    async def next_due_s(self, states: Sequence[State]) -> float | None:
        """Seconds until an attempt in these states is due; None: none is scheduled."""
        return await self._store.next_due_s(states)

    async def _dispatch_one(self, claim: Claim, notices: Sequence[Notice]) -> None:
        """Send one attempt to the provider, or store that it may have been sent before.

        An attempt that may have been sent is sent again even if the merchant requested to cancel
        it: only then it is certain that the provider has something to cancel.
        """
        cancels = cancel_request_ids(notices)
        if cancels and not claim.maybe_sent:
            await self._save(canceled_unsent(claim, now=self._clock.now(), notice_ids=cancels))
            return
        if MARK in claim.attempt.memory and self._provider.forgets_sending(claim.attempt):
            await self._save(state_machine.after_restore(claim, now=self._clock.now()))
            return
        safe = self._provider.resend_is_safe(claim.attempt)
        if claim.state == "sending" and not safe:
            await self._save(state_machine.after_crash(claim, now=self._clock.now()))
            return
        failpoint("worker.before_call")
        try:
            answer = await self._provider.submit(claim.attempt)
        except PaymentProcessorError as error:
            log.warning("attempt.submit_failed", code=error.code, **_log_fields(claim))
            decision = state_machine.after_submit_error(
                claim, error, resend_is_safe=safe, now=self._clock.now()
            )
        else:
            schedule = self._provider.schedule(claim.attempt)
            decision = state_machine.after_submit(claim, answer, schedule, now=self._clock.now())
        failpoint("worker.after_call")
        await self._save(decision)

    async def _poll_one(self, claim: Claim, notices: Sequence[Notice]) -> None:
        """Query the provider about one attempt; notices and the caller's references are hints."""
        attempt = replace(claim.attempt, checks=claim.attempt.checks + 1)
        schedule = self._provider.schedule(attempt)
        notice_ids = [notice.notice_id for notice in notices]
        failpoint("worker.before_check")
        try:
            reply = await self._request_cancel(claim, notices)
            answer = reply.answer or await self._provider.query(*hints_of(claim.attempt, notices))
        except PaymentProcessorError as error:
            log.warning("attempt.check_failed", code=error.code, **_log_fields(claim))
            decision = state_machine.after_check_error(claim, error, schedule)
        else:
            failpoint("worker.after_check")
            decision = state_machine.after_check(
                claim, reply.added_to(answer), schedule, now=self._clock.now()
            )
            is_handled = reply.is_conclusive or decision.state in state_machine.ENDED
            unhandled = () if is_handled else cancel_request_ids(notices)
            used = [notice_id for notice_id in notice_ids if notice_id not in unhandled]
            decision = replace(decision, notice_ids=used)
        await self._save(replace(decision, seen_notice_ids=notice_ids))

    async def _request_cancel(self, claim: Claim, notices: Sequence[Notice]) -> CancelReply:
        """Send a request to cancel, if the merchant requested it and the attempt is still open."""
        is_requested = self._provider.cancels and cancel_request_ids(notices)
        if not is_requested or claim.state in state_machine.ENDED:
            return NO_REPLY
        failpoint("worker.before_provider_cancel")
        try:
            answer = await self._provider.cancel(claim.attempt)
        except PaymentProcessorError as error:
            log.warning("attempt.cancel_failed", code=error.code, **_log_fields(claim))
            return after_cancel_error(error, now=self._clock.now())
        failpoint("worker.after_provider_cancel")
        return after_cancel(answer, now=self._clock.now())

    async def _save(self, decision: Decision) -> None:
        held = await self._batcher.save(decision)
        failpoint("worker.after_save")
        if not held:
            log.warning("attempt.lease_lost", **_log_fields(decision.claim))
            self.poll.wake()
            return
        if decision.result is not None:
            claim, kind = decision.claim, decision.result.kind
            metrics.ATTEMPT_RESULTS.labels(claim.rail, claim.attempt.operation, kind).inc()
            log.info("attempt.result", kind=kind, **_log_fields(claim))
            self._wake_relay()
        if decision.check_after is not None and decision.check_after <= SLEEP_MAX:
            (self.dispatch if decision.state == "ready" else self.poll).wake()


class ClaimLoop:
    """Claims due attempts, works on up to `concurrency` of them, sleeps until the next is due."""

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
        """States of the rows that this loop has claimed; no other loop claims rows in them."""
        self._work = work
        self._concurrency = concurrency
        self._due = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_progress: set[AttemptId] = set()
        """Claims in progress and claims whose decision was not stored: both keep their leases."""
        self._claim_failed = False

    def wake(self) -> None:
        """End the loop's sleep: an attempt may be due earlier than the loop expects."""
        self._due.set()

    async def run(self) -> None:
        """Work until cancelled, then wait for the calls in progress."""
        try:
            await self._engine.recover()
            await self._release_lost()
            gap = Gap(BUSY_GAP_S)
            while True:
                await gap.wait()
                self._due.clear()
                await self._wait_for_free_slot()
                if not await self._claim_shielded() and not self._due.is_set():
                    await self._sleep()
        except INFRASTRUCTURE_ERRORS as error:
            log.warning("attempts.loop_failed", loop=self.name, error=repr(error))
        finally:
            await self._wait_for_tasks()

    async def _claim_shielded(self) -> bool:
        """Claim due attempts; True when there may be more.

        A started claim is completed, and its attempts are worked on, even if this task is cancelled
        meanwhile. Otherwise an attempt would remain in `sending` although nothing was sent, and the
        next process would have to assume that it was sent.
        """
        claiming = asyncio.create_task(self._claim_some())
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # an error of the claim would replace the cancellation, and the loop would be restarted
            with contextlib.suppress(*INFRASTRUCTURE_ERRORS):
                await claiming
            raise

    async def _release_lost(self) -> None:
        """Release claims that may be stored although the reply was lost: no task works on them."""
        if self._claim_failed:
            await self._engine.release_lost(self._claimed_states, kept=self._in_progress)
            self._claim_failed = False

    async def _claim_some(self) -> bool:
        limit = min(self._concurrency - len(self._tasks), CLAIM_MAX)
        try:
            claims = await self._engine.claim(self._states, limit=limit)
        except INFRASTRUCTURE_ERRORS:
            self._claim_failed = True
            raise
        for claim, notices in claims:
            self._in_progress.add(claim.attempt.attempt_id)
            task = asyncio.create_task(self._guarded(claim, notices))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claims) == limit

    async def _guarded(self, claim: Claim, notices: Sequence[Notice]) -> None:
        """Work on one claim; after any error its lease expires and the attempt is due again."""
        with span(f"attempt.{self.name}", parent=claim.trace, attributes=_log_fields(claim)):
            try:
                await self._work(claim, notices)
                self._in_progress.discard(claim.attempt.attempt_id)
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("attempt.not_stored", error=repr(error), **_log_fields(claim))
            except Exception:
                log.exception("attempt.failed", **_log_fields(claim))

    async def _wait_for_free_slot(self) -> None:
        while len(self._tasks) >= self._concurrency:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _sleep(self) -> None:
        due_s = await self._engine.next_due_s(self._states)
        longest_s = SLEEP_MAX.total_seconds()
        await wait_for_event(self._due, longest_s if due_s is None else min(due_s, longest_s))

    async def _wait_for_tasks(self) -> None:
        if self._tasks:
            _, unfinished = await asyncio.wait(set(self._tasks), timeout=STOP_GRACE_S)
            for task in unfinished:
                task.cancel()


def _log_fields(claim: Claim) -> dict[str, str]:
    return {
        "payment_id": claim.payment_id,
        "attempt_id": str(claim.attempt.attempt_id),
        "operation": claim.attempt.operation,
    }
