"""What an answer means, over every state and outcome."""

from datetime import timedelta
from itertools import product

import pytest

from cift_shared.attempts.decide import (
    SUBMIT_DEADLINE,
    Claim,
    Decision,
    Schedule,
    after_check,
    after_check_error,
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
from cift_shared.messages import Step
from cift_shared.money import Money
from cift_shared.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Expired,
    Failure,
    FailureCategory,
    Pending,
    Settled,
    Submitted,
    Unknown,
)
from cift_shared.processor import Answer, Attempt
from tests.support.commands import CLOCK, deposit

NO = Failure("payer_canceled", FailureCategory.DECLINED, "No.", retryable=True)
OUTCOMES = [
    Submitted(), ActionRequired({"type": "pin"}), Settled(Money(1_00, "KES")), Declined(NO),
    Expired(NO), Pending(), Unknown("?"), Conflicting("two answers"),
]  # fmt: skip
ERRORS = [
    ProviderUnavailable("refused", ""), ProviderThrottled("spike", "", retry_after_s=7),
    ProviderRejectedRequest("credentials", ""), OutcomeUnknown("timeout", ""),
]  # fmt: skip
SOON = Schedule(timedelta(seconds=12))
OVER = Schedule(None)


def claim(
    state="ready", *, maybe_sent=False, age=timedelta(seconds=1), operation="deposit"
) -> Claim:
    request = deposit()
    return Claim(
        attempt=Attempt(attempt_id_of(request.payment_id), operation, request),
        payment_id=str(request.payment_id), method="mpesa", state=state, lease=3, seq=4,
        submits=1, maybe_sent=maybe_sent, age=age, trace={},
    )  # fmt: skip


def is_final(decision: Decision) -> bool:
    return decision.state in ("done", "review")


def every_decision():
    now = CLOCK.now()
    for outcome, schedule in product(OUTCOMES, (SOON, OVER)):
        yield after_submit(claim(), Answer(outcome), schedule, now=now)
        for state in ("waiting", "unknown", "done"):
            answer = Answer(outcome, evidence=[Step(at=now, name="asked")])
            yield after_check(claim(state, maybe_sent=True), answer, schedule, now=now)
    for error, safe, sent, age in product(ERRORS, (True, False), (True, False), (1, 10**6)):
        one = claim(maybe_sent=sent, age=timedelta(seconds=age))
        yield after_submit_error(one, error, resend_is_safe=safe, now=now)
    for error, state, schedule in product(ERRORS, ("waiting", "unknown", "done"), (SOON, OVER)):
        yield after_check_error(claim(state, maybe_sent=True), error, schedule)
    yield after_crash(claim("sending"), now=now)


def test_every_open_attempt_has_a_next_check() -> None:
    decisions = list(every_decision())
    assert len(decisions) > 80
    for decision in decisions:
        assert is_final(decision) or decision.check_after is not None


def test_results_count_on_and_carry_stable_ids() -> None:
    for decision in every_decision():
        if decision.result is not None:
            attempt_id = decision.claim.attempt.attempt_id
            assert decision.result.seq == decision.claim.seq + 1
            assert decision.result.result_id == f"{attempt_id}.5"


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("safe", [True, False])
def test_time_alone_never_fails_what_may_have_been_sent(error, safe) -> None:
    old = claim(maybe_sent=True, age=timedelta(days=400))
    decision = after_submit_error(old, error, resend_is_safe=safe, now=CLOCK.now())
    assert decision.result is None or decision.result.kind not in ("declined", "expired")


def test_what_was_never_sent_fails_after_its_deadline() -> None:
    down = ProviderUnavailable("refused", "")
    for operation, deadline in SUBMIT_DEADLINE.items():
        young = claim(age=deadline - timedelta(seconds=1), operation=operation)
        assert (
            after_submit_error(young, down, resend_is_safe=True, now=CLOCK.now()).state == "ready"
        )
        old = claim(age=deadline, operation=operation)
        decision = after_submit_error(old, down, resend_is_safe=True, now=CLOCK.now())
        assert decision.result is not None
        assert decision.result.failure is not None
        assert (decision.state, decision.result.kind) == ("done", "declined")
        assert decision.result.failure.retryable


def test_a_throttle_is_obeyed() -> None:
    decision = after_submit_error(claim(), ERRORS[1], resend_is_safe=False, now=CLOCK.now())
    assert decision.check_after == timedelta(seconds=7)


def test_an_unknown_word_changes_nothing_but_the_next_check() -> None:
    for state in ("waiting", "unknown"):
        decision = after_check(claim(state), Answer(Pending()), SOON, now=CLOCK.now())
        assert (decision.state, decision.result) == (state, None)
        assert decision.check_after == timedelta(seconds=12)


def test_a_finished_attempt_stays_finished() -> None:
    for outcome in OUTCOMES:
        decision = after_check(claim("done"), Answer(outcome), SOON, now=CLOCK.now())
        assert decision.state == "done"


@pytest.mark.parametrize(
    ("outcome", "kind", "state"),
    [
        (Submitted("r"), "submitted", "waiting"),
        (ActionRequired({"type": "pin"}, "r"), "action_required", "waiting"),
        (Settled(Money(1, "KES"), "r", Money(2, "KES")), "settled", "done"),
        (Declined(NO), "declined", "done"),
        (Expired(NO), "expired", "done"),
        (Conflicting("x"), "conflicting", "review"),
    ],
)
def test_outcomes_become_results(outcome, kind, state) -> None:
    decision = after_check(claim("waiting"), Answer(outcome), SOON, now=CLOCK.now())
    assert decision.result is not None
    assert (decision.result.kind, decision.state) == (kind, state)
    for name in ("amount", "provider_fee", "provider_reference", "reason", "next_action"):
        told = getattr(outcome, name, None)
        assert getattr(decision.result, name) == told
