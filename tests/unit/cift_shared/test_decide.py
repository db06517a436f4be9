"""What an answer means, over every state and outcome."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from cift_shared.attempts.processor import Answer, Attempt, MethodAttempt
from cift_shared.attempts.results import Claim
from cift_shared.attempts.state_machine import (
    SUBMIT_DEADLINE,
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
from cift_shared.messaging.messages import MethodResult, PaymentResult, RequestSetup, Step
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Detached,
    Dispute,
    Disputed,
    Expired,
    Failure,
    FailureCategory,
    Pending,
    Reinstated,
    Reversed,
    Saved,
    Settled,
    Submitted,
    Unknown,
)
from cift_shared.money.amount import Money
from tests.support.commands import CLOCK, IDS, deposit

NO = Failure("payer_canceled", FailureCategory.DECLINED, "No.", retryable=True)
DISPUTE = Dispute(
    "du_1", "needs_response", "fraudulent", Money(1_00, "USD"), withdrawn=Money(1_00, "USD"),
    fee=Money(15_00, "USD"), evidence_due_by=CLOCK.now(),
)  # fmt: skip
AFTERMATH = [
    Reversed(Money(1_00, "KES"), "re_1:failed", "lost"),
    Reinstated(Money(1_00, "KES"), "re_1:failed", "found", "re_1:again"),
    Disputed(DISPUTE),
]
OUTCOMES = [
    Submitted(), ActionRequired({"type": "pin"}), Settled(Money(1_00, "KES")), Declined(NO),
    Expired(NO), Pending(), Unknown("?"), Conflicting("two answers"), *AFTERMATH,
]  # fmt: skip
METHOD_OUTCOMES = [
    Submitted(), ActionRequired({"type": "confirm_setup"}), Saved("sealed"), Detached(),
    Declined(NO), Expired(NO), Pending(), Unknown("?"), Conflicting("two answers"),
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
        payment_id=str(request.payment_id), rail="mpesa", state=state, lease=3, seq=4,
        submits=1, maybe_sent=maybe_sent, age=age, touched_at=CLOCK.now(), trace={},
    )  # fmt: skip


def method_claim(state="ready", operation="setup") -> Claim:
    request = RequestSetup(
        payment_method_id=IDS.new_id(), merchant_id="m", livemode=False, customer_id="c",
        method="card", accepted_at=CLOCK.now(),
    )  # fmt: skip
    attempt = MethodAttempt(attempt_id_of(request.payment_method_id), operation, request)
    return replace(claim(state), attempt=attempt, payment_id=str(request.payment_method_id))


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


@pytest.mark.parametrize("outcome", AFTERMATH)
def test_what_comes_after_is_told_of_an_attempt_that_has_ended(outcome) -> None:
    answer = Answer(outcome, check_after=timedelta(days=1))
    decision = after_check(claim("done"), answer, OVER, now=CLOCK.now())
    assert isinstance(decision.result, PaymentResult)
    assert decision.state == "done"
    assert decision.check_after == timedelta(days=1)
    assert decision.result.next_check_at is None  # to the ledger it has ended
    if isinstance(outcome, Reversed | Reinstated):
        assert decision.result.reversal_reference == "re_1:failed"
        told = (decision.result.amount, decision.result.provider_reference, decision.result.reason)
        assert told == (outcome.amount, outcome.provider_reference, outcome.reason)
    else:
        news = decision.result.dispute
        assert news is not None
        assert news.withdrawn == DISPUTE.withdrawn
        assert news.fee == DISPUTE.fee
        assert news.evidence_due_by == DISPUTE.evidence_due_by


@pytest.mark.parametrize("outcome", AFTERMATH)
@pytest.mark.parametrize("state", ["waiting", "unknown"])
def test_an_aftermath_without_a_payment_is_for_people(outcome, state) -> None:
    decision = after_check(claim(state), Answer(outcome), SOON, now=CLOCK.now())
    assert decision.state == "review"
    assert decision.result is not None
    assert decision.result.kind == "conflicting"


def test_a_step_that_goes_on_at_once_is_due_at_once() -> None:
    answer = Answer(Submitted(), {"intent": "pi_1"}, check_after=timedelta(0))
    for decision in (
        after_submit(claim(), answer, SOON, now=CLOCK.now()),
        after_check(claim("unknown"), answer, SOON, now=CLOCK.now()),
        after_check(claim("waiting"), replace(answer, outcome=Pending()), SOON, now=CLOCK.now()),
    ):
        assert decision.check_after == timedelta(0)
        assert decision.memory == {"intent": "pi_1"}


def test_a_settled_attempt_may_be_watched() -> None:
    answer = Answer(Settled(Money(1, "KES")), check_after=timedelta(days=1))
    for state in ("waiting", "done"):
        decision = after_check(claim(state), answer, SOON, now=CLOCK.now())
        assert (decision.state, decision.check_after) == ("done", timedelta(days=1))


@pytest.mark.parametrize(
    ("outcome", "operation", "kind", "state"),
    [
        (Submitted(), "setup", "pending", "waiting"),
        (ActionRequired({"type": "confirm_setup"}), "setup", "action_required", "waiting"),
        (Saved("k1.sealed", "k1.owner", "hash"), "setup", "saved", "done"),
        (Detached(), "detach", "detached", "done"),
        (Declined(NO), "setup", "failed", "done"),
        (Expired(NO), "setup", "failed", "done"),
        (Conflicting("?"), "detach", "failed", "review"),
    ],
)
def test_outcomes_of_saved_methods_become_their_results(outcome, operation, kind, state) -> None:
    one = method_claim("waiting", operation)
    decision = after_check(one, Answer(outcome), SOON, now=CLOCK.now())
    assert isinstance(decision.result, MethodResult)
    assert (decision.result.kind, decision.state) == (kind, state)
    assert decision.result.result_id == f"{one.attempt.attempt_id}.5"
    assert (decision.result.failure is not None) == (kind == "failed")
    if isinstance(outcome, Saved):
        told = decision.result
        assert told.instrument_sealed == outcome.instrument_sealed
        assert told.customer_reference_sealed == outcome.customer_reference_sealed
        assert told.fingerprint == outcome.fingerprint


@pytest.mark.parametrize("outcome", METHOD_OUTCOMES)
@pytest.mark.parametrize("state", ["waiting", "unknown", "done"])
def test_an_open_attempt_about_a_method_has_a_next_check(outcome, state) -> None:
    answer = Answer(outcome, evidence=[Step(at=CLOCK.now(), name="asked")])
    decision = after_check(method_claim(state), answer, SOON, now=CLOCK.now())
    assert is_final(decision) or decision.check_after is not None
    if isinstance(outcome, Pending):
        assert decision.result is None


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_about_a_method_is_no_payment_result(error) -> None:
    now = CLOCK.now()
    old = replace(method_claim(), age=timedelta(days=2))
    for one in (method_claim(), old):
        decision = after_submit_error(one, error, resend_is_safe=False, now=now)
        assert decision.result is None or isinstance(decision.result, MethodResult)
    assert after_crash(method_claim("sending"), now=now).state == "unknown"
