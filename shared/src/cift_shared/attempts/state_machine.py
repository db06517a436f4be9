"""Rules that turn a provider's answer into the next state of an attempt: pure, no I/O.

    ready    -> sending -> waiting | unknown | done | ready (nothing was sent)
    waiting  -> waiting | done | review
    unknown  -> unknown | waiting | done | review
    (a payment is canceled in `ready`, if nothing was sent, or when the provider confirms it)
    done     -> done    (a notice after the end may still add a receipt, contradict the result, or
                         report a reversal, a reinstatement or a dispute)

Time alone never fails an attempt that may have reached the provider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cift_shared.attempts.processor import Answer, MethodOperation
from cift_shared.attempts.results import Claim, State, details_of, result_of
from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
)
from cift_shared.messaging.messages import MethodResult, PaymentResult, ResultKind, Step
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Canceled,
    Conflicting,
    Declined,
    Detached,
    Disputed,
    Expired,
    Failure,
    FailureCategory,
    Outcome,
    Pending,
    Reinstated,
    Reversed,
    Saved,
    Settled,
    Submitted,
    Unknown,
)
from cift_shared.rails.rail import Operation

SUBMIT_BACKOFF_S = (1, 2, 5, 10, 20, 30, 60)
"""Seconds between submissions of a request that certainly was not sent or is safe to send again."""

SUBMIT_DEADLINE: Mapping[Operation | MethodOperation, timedelta] = {
    # A payer waits for a deposit with the phone in hand. Money out may wait until the provider
    # is available again.
    "deposit": timedelta(minutes=2),
    "withdrawal": timedelta(hours=24),
    "refund": timedelta(hours=24),
    "setup": timedelta(minutes=2),
    "detach": timedelta(hours=24),
}

CHECK_RETRY = timedelta(seconds=5)
"""Delay before the next status query when the last one failed."""

CHECK_RETRY_AFTER_SCHEDULE = timedelta(minutes=15)
"""The same delay once the polling schedule has ended."""


ENDED: tuple[State, ...] = ("done", "review")
"""States of an attempt that is final or waits for an operator; a notice may still add evidence."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to store for a claim, and the result to publish."""

    claim: Claim
    state: State
    check_after: timedelta | None
    """Delay until the attempt is due again; None: it is no longer due."""
    result: PaymentResult | MethodResult | None = None
    memory: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str | None = None
    maybe_sent: bool = field(kw_only=True)
    """True unless it is certain that nothing has reached the provider."""
    checked: bool = False
    notice_ids: Sequence[str] = ()
    """Notices that this decision used; they are stored as handled."""
    seen_notice_ids: Sequence[str] = ()
    """Notices read before the decision, used or not: only another one makes the attempt due now."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The delay until the next status query; None: an operator must examine the attempt."""

    check_delay: timedelta | None


def after_submit(claim: Claim, answer: Answer, schedule: Schedule, *, now: datetime) -> Decision:
    """Decide after the provider answered a submission."""
    outcome = answer.outcome
    if isinstance(outcome, Pending):
        outcome = Submitted()
    return _decision_for(claim, outcome, answer, schedule, now=now)


def after_submit_error(
    claim: Claim, error: PaymentProcessorError, *, resend_is_safe: bool, now: datetime
) -> Decision:
    """Decide after a submission raised: it was refused, not sent, or has no readable answer."""
    step = Step(at=now, name=f"{claim.rail}.submit.failed", detail={"code": error.code})
    if isinstance(error, OutcomeUnknown):
        return _unknown(claim, error.code, step, resend_is_safe=resend_is_safe, now=now)
    if isinstance(error, ProviderRejectedRequest) and not claim.maybe_sent:
        failure = Failure(error.code, FailureCategory.CONFIGURATION, _NOT_POSSIBLE, retryable=False)
        return _final(claim, Declined(failure), [step], now=now)
    if claim.age < SUBMIT_DEADLINE[claim.attempt.operation]:
        delay = _submit_delay(claim, error)
        result = result_of(claim, "noted", [step], now=now, next_check_at=now + delay)
        return Decision(claim, "ready", delay, result, maybe_sent=claim.maybe_sent)
    if claim.maybe_sent:
        return _to_review(claim, "the provider could not be queried again", [step], now=now)
    failure = Failure(
        "provider_unavailable", FailureCategory.PROVIDER_UNAVAILABLE, _TRY_LATER, retryable=True
    )
    return _final(claim, Declined(failure), [step], now=now)


def after_crash(claim: Claim, *, now: datetime) -> Decision:
    """Decide after an earlier holder crashed during the call; sending again is unsafe."""
    step = Step(at=now, name=f"{claim.rail}.submit.interrupted")
    return _unknown(claim, "interrupted", step, resend_is_safe=False, now=now)


def after_restore(claim: Claim, *, now: datetime) -> Decision:
    """Decide about an attempt that may have been sent, and of which only lost rows knew more."""
    step = Step(at=now, name=f"{claim.rail}.submit.forgotten")
    return _to_review(claim, "the database was restored: it may have been sent", [step], now=now)


def after_check(
    claim: Claim,
    answer: Answer,
    schedule: Schedule,
    *,
    now: datetime,
    notice_ids: Sequence[str] = (),
) -> Decision:
    """Decide after the provider answered a status query."""
    outcome = answer.outcome
    ended = claim.state in ENDED
    if isinstance(outcome, Reversed | Reinstated | Disputed) and not ended:
        outcome = Conflicting(
            "the provider reports a reversal or dispute before the payment itself"
        )
    if ended and not isinstance(outcome, _ALWAYS_PUBLISHED):
        # Such an outcome does not change the state of an ended attempt. If the query after a notice
        # was not conclusive (`check_after` is set), the provider is queried again.
        due = now + answer.check_after if answer.check_after else None
        result = _note(claim, answer, due, now=now)
        return Decision(
            claim,
            claim.state,
            answer.check_after,
            result,
            answer.memory,
            maybe_sent=True,
            checked=True,
            notice_ids=notice_ids,
        )
    if isinstance(outcome, Pending | Unknown):
        return _still_pending(claim, answer, schedule, now=now, notice_ids=notice_ids)
    decision = _decision_for(claim, outcome, answer, schedule, now=now)
    return replace(decision, checked=True, notice_ids=notice_ids)


def after_check_error(claim: Claim, error: PaymentProcessorError, schedule: Schedule) -> Decision:
    """Decide after a status query failed or had no readable answer: keep the state, query again."""
    delay = max(CHECK_RETRY, schedule.check_delay or CHECK_RETRY_AFTER_SCHEDULE)
    if isinstance(error, ProviderThrottled):
        delay = max(delay, timedelta(seconds=error.retry_after_s))
    return Decision(claim, claim.state, delay, checked=True, maybe_sent=claim.maybe_sent)


_ALWAYS_PUBLISHED = (
    Settled,
    Declined,
    Expired,
    Canceled,
    Reversed,
    Reinstated,
    Disputed,
    Saved,
    Detached,
)
"""Outcomes that are published even for an ended attempt; any other is at most a note."""

_NOT_POSSIBLE = "This payment can't be processed at the moment because of an error on our side."
_TRY_LATER = "The payment provider could not be reached. Please try again later."


def _submit_delay(claim: Claim, error: PaymentProcessorError) -> timedelta:
    if isinstance(error, ProviderThrottled):
        return timedelta(seconds=error.retry_after_s)
    index = min(max(claim.submits, 1), len(SUBMIT_BACKOFF_S)) - 1
    return timedelta(seconds=SUBMIT_BACKOFF_S[index])


def _unknown(
    claim: Claim, reason: str, step: Step, *, resend_is_safe: bool, now: datetime
) -> Decision:
    """The request may have arrived: send it again only if `resend_is_safe`."""
    delay = _submit_delay(claim, OutcomeUnknown(reason, reason)) if resend_is_safe else CHECK_RETRY
    result = result_of(claim, "unknown", [step], now=now, reason=reason, next_check_at=now + delay)
    state: State = "ready" if resend_is_safe else "unknown"
    if resend_is_safe and claim.age >= SUBMIT_DEADLINE[claim.attempt.operation]:
        return _to_review(claim, "no readable answer within a day", [step], now=now)
    return Decision(claim, state, delay, result, maybe_sent=True)


def _still_pending(
    claim: Claim, answer: Answer, schedule: Schedule, *, now: datetime, notice_ids: Sequence[str]
) -> Decision:
    delay = schedule.check_delay if answer.check_after is None else answer.check_after
    if delay is None:
        return _to_review(
            claim,
            "no final answer within a day",
            list(answer.evidence),
            now=now,
            notice_ids=notice_ids,
        )
    return Decision(
        claim,
        claim.state,
        delay,
        _note(claim, answer, now + delay, now=now),
        answer.memory,
        fingerprint=answer.fingerprint,
        maybe_sent=True,
        checked=True,
        notice_ids=notice_ids,
    )


def _decision_for(
    claim: Claim,
    outcome: Outcome,
    answer: Answer,
    schedule: Schedule,
    *,
    now: datetime,
) -> Decision:
    """Turn an outcome other than `Pending` into a state and a result."""
    kind, state = _KINDS[type(outcome)]
    delay = answer.check_after
    if delay is None and state == "waiting":
        delay = schedule.check_delay or CHECK_RETRY
    elif delay is None and state == "unknown":
        delay = CHECK_RETRY
    is_open = delay is not None and state in ("waiting", "unknown")
    result = result_of(
        claim,
        kind,
        answer.evidence,
        now=now,
        next_check_at=now + delay if delay is not None and is_open else None,
        **details_of(outcome),
    )
    return Decision(
        claim,
        state,
        delay,
        result,
        answer.memory,
        fingerprint=answer.fingerprint,
        maybe_sent=True,
    )


_KINDS: Mapping[type, tuple[ResultKind, State]] = {
    Submitted: ("submitted", "waiting"),
    ActionRequired: ("action_required", "waiting"),
    Settled: ("settled", "done"),
    Declined: ("declined", "done"),
    Expired: ("expired", "done"),
    Canceled: ("canceled", "done"),
    Unknown: ("unknown", "unknown"),
    Conflicting: ("conflicting", "review"),
    Reversed: ("reversed", "done"),
    Reinstated: ("reinstated", "done"),
    Disputed: ("disputed", "done"),
    Saved: ("settled", "done"),
    Detached: ("settled", "done"),
}


def _final(claim: Claim, outcome: Declined, steps: Sequence[Step], *, now: datetime) -> Decision:
    result = result_of(claim, "declined", steps, now=now, **details_of(outcome))
    return Decision(claim, "done", None, result, maybe_sent=claim.maybe_sent)


def _to_review(
    claim: Claim,
    reason: str,
    steps: Sequence[Step],
    *,
    now: datetime,
    notice_ids: Sequence[str] = (),
) -> Decision:
    result = result_of(claim, "conflicting", steps, now=now, reason=reason)
    return Decision(claim, "review", None, result, maybe_sent=True, notice_ids=notice_ids)


def _note(
    claim: Claim, answer: Answer, next_check_at: datetime | None, *, now: datetime
) -> PaymentResult | MethodResult | None:
    if not answer.evidence:
        return None
    return result_of(claim, "noted", answer.evidence, now=now, next_check_at=next_check_at)
