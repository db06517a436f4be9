"""The rules of the attempt one by one, with both sides of every bound."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cift_shared.attempts.processor import Answer
from cift_shared.attempts.results import State, details_of, wire_failure
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
from cift_shared.errors import (
    OutcomeUnknown,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.messaging.exchange import Exchanged
from cift_shared.messaging.messages import MethodResult, PaymentResult, ResultKind, Step
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
from tests.support.commands import CLOCK
from tests.unit.cift_shared.test_decide import DISPUTE, NO, claim, method_claim

NOW = CLOCK.now()
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86_400))
SOON, OVER = Schedule(12 * SECOND), Schedule(None)
CARD = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
COINS = Exchanged(amount=Money(9, "BTC"))
DOWN = ProviderUnavailable("refused", "")
LOST = OutcomeUnknown("read_timeout", "")
CREDENTIALS = ProviderRejectedRequest("credentials", "")
DEADLINES = [
    ("deposit", 2 * MINUTE), ("withdrawal", DAY), ("refund", DAY), ("setup", 2 * MINUTE),
    ("detach", DAY),
]  # fmt: skip


def told(decision: Decision) -> PaymentResult:
    assert isinstance(decision.result, PaymentResult)
    return decision.result


class TestSendingAgain:
    @pytest.mark.parametrize(
        ("submits", "gap_s"),
        [(0, 1), (1, 1), (2, 2), (3, 5), (4, 10), (5, 20), (6, 30), (7, 60), (8, 60), (99, 60)],
    )
    def test_gaps_grow_to_a_minute(self, submits: int, gap_s: int) -> None:
        one = replace(claim(operation="withdrawal"), submits=submits)
        for error in (DOWN, LOST):
            decision = after_submit_error(one, error, resend_is_safe=True, now=NOW)
            assert decision.check_after == timedelta(seconds=gap_s)
            assert told(decision).next_check_at == NOW + timedelta(seconds=gap_s)

    def test_deadlines_are_those_of_each_operation(self) -> None:
        assert dict(SUBMIT_DEADLINE) == dict(DEADLINES)

    @pytest.mark.parametrize("sent", [True, False])
    def test_what_was_not_sent_keeps_what_was_known(self, sent: bool) -> None:
        decision = after_submit_error(claim(maybe_sent=sent), DOWN, resend_is_safe=True, now=NOW)
        assert (decision.state, decision.maybe_sent, decision.checked) == ("ready", sent, False)
        result = told(decision)
        assert (result.kind, result.evidence[0].name) == ("noted", "mpesa.submit.failed")
        assert dict(result.evidence[0].detail) == {"code": "refused"}

    @pytest.mark.parametrize(("operation", "deadline"), DEADLINES[:3])
    def test_where_it_may_have_been_sent_people_look_at_the_deadline(
        self, operation, deadline
    ) -> None:
        young = claim(maybe_sent=True, age=deadline - SECOND, operation=operation)
        old = replace(young, age=deadline)
        for error in (DOWN, LOST):
            again = after_submit_error(young, error, resend_is_safe=True, now=NOW)
            assert (again.state, again.check_after is None) == ("ready", False)
            decision = after_submit_error(old, error, resend_is_safe=True, now=NOW)
            assert (decision.state, told(decision).kind) == ("review", "conflicting")
            assert (decision.check_after, decision.maybe_sent) == (None, True)
            assert told(decision).evidence[0].name == "mpesa.submit.failed"

    def test_at_the_deadline_what_never_left_is_declined(self) -> None:
        decision = after_submit_error(claim(age=DAY), DOWN, resend_is_safe=True, now=NOW)
        failure = told(decision).failure
        assert failure is not None
        assert (decision.state, decision.check_after, decision.maybe_sent) == ("done", None, False)
        assert (failure.code, failure.category) == (
            "provider_unavailable",
            FailureCategory.PROVIDER_UNAVAILABLE,
        )

    def test_a_throttle_counts_from_zero_seconds(self) -> None:
        one = claim(age=timedelta(0))
        for wait_s in (0, 7, 3_600):
            error = ProviderThrottled("spike", "", retry_after_s=wait_s)
            decision = after_submit_error(one, error, resend_is_safe=False, now=NOW)
            assert decision.check_after == timedelta(seconds=wait_s)


class TestAnUnreadableAnswer:
    @pytest.mark.parametrize("age", [SECOND, 3 * DAY])
    def test_that_is_unsafe_to_repeat_is_asked_about_however_old(self, age) -> None:
        """Nothing is sent again, so no deadline of sending ends the asking."""
        decision = after_submit_error(claim(age=age), LOST, resend_is_safe=False, now=NOW)
        assert (decision.state, decision.check_after) == ("unknown", 5 * SECOND)
        assert decision.maybe_sent
        result = told(decision)
        assert (result.kind, result.reason) == ("unknown", "read_timeout")
        assert result.next_check_at == NOW + 5 * SECOND

    def test_that_is_safe_to_repeat_is_sent_again(self) -> None:
        decision = after_submit_error(claim(), LOST, resend_is_safe=True, now=NOW)
        assert (decision.state, decision.maybe_sent) == ("ready", True)
        assert told(decision).kind == "unknown"

    def test_of_a_dead_holder_is_asked_about(self) -> None:
        decision = after_crash(claim("sending", age=3 * DAY), now=NOW)
        result = told(decision)
        assert (decision.state, decision.check_after, decision.maybe_sent) == (
            "unknown", 5 * SECOND, True,
        )  # fmt: skip
        assert (result.kind, result.reason) == ("unknown", "interrupted")
        assert result.evidence[0].name == "mpesa.submit.interrupted"


class TestARefusedRequest:
    def test_that_never_left_is_declined(self) -> None:
        decision = after_submit_error(claim(), CREDENTIALS, resend_is_safe=True, now=NOW)
        failure = told(decision).failure
        assert failure is not None
        assert (decision.state, decision.check_after, decision.maybe_sent) == ("done", None, False)
        assert (failure.code, failure.category, failure.retryable) == (
            "credentials", FailureCategory.CONFIGURATION, False,
        )  # fmt: skip
        assert told(decision).evidence[0].name == "mpesa.submit.failed"

    def test_whose_first_sending_may_have_arrived_is_tried_again(self) -> None:
        """A later refusal says nothing about the earlier request."""
        sent = claim(maybe_sent=True)
        decision = after_submit_error(sent, CREDENTIALS, resend_is_safe=True, now=NOW)
        assert (decision.state, decision.maybe_sent) == ("ready", True)


KINDS: list[tuple[object, ResultKind, State]] = [
    (Submitted("r"), "submitted", "waiting"),
    (ActionRequired({"type": "pin"}), "action_required", "waiting"),
    (Pending(), "submitted", "waiting"),
    (Unknown("?"), "unknown", "unknown"),
    (Settled(Money(1, "KES")), "settled", "done"),
    (Declined(NO), "declined", "done"),
    (Expired(NO), "expired", "done"),
    (Conflicting("x"), "conflicting", "review"),
]


class TestAnAnswerToASubmission:
    @pytest.mark.parametrize(("outcome", "kind", "state"), KINDS)
    def test_is_told_and_kept(self, outcome, kind: str, state: str) -> None:
        step = Step(at=NOW, name="asked")
        answer = Answer(outcome, {"ref": "1"}, "hash", [step])
        decision = after_submit(claim(), answer, SOON, now=NOW)
        assert (decision.state, told(decision).kind) == (state, kind)
        assert (decision.memory, decision.fingerprint) == ({"ref": "1"}, "hash")
        assert (decision.maybe_sent, decision.checked) == (True, False)
        assert list(told(decision).evidence) == [step]
        assert told(decision).occurred_at == NOW
        assert told(decision).method == "mpesa"
        assert str(told(decision).payment_id) == decision.claim.payment_id

    @pytest.mark.parametrize(
        ("outcome", "schedule", "asked_for", "after"),
        [
            (Submitted(), SOON, None, 12 * SECOND),
            (Submitted(), OVER, None, 5 * SECOND),
            (Submitted(), SOON, HOUR, HOUR),
            (Unknown("?"), SOON, None, 5 * SECOND),
            (Unknown("?"), SOON, HOUR, HOUR),
            (Settled(Money(1, "KES")), SOON, None, None),
            (Settled(Money(1, "KES")), SOON, HOUR, HOUR),
            (Declined(NO), SOON, None, None),
            (Conflicting("x"), SOON, None, None),
        ],
    )
    def test_is_due_again_where_it_is_open(self, outcome, schedule, asked_for, after) -> None:
        answer = Answer(outcome, check_after=asked_for)
        decision = after_submit(claim(), answer, schedule, now=NOW)
        assert decision.check_after == after
        is_open = decision.state in ("waiting", "unknown")
        assert told(decision).next_check_at == (NOW + after if is_open else None)


class TestAnAnswerToAQuestion:
    @pytest.mark.parametrize(("outcome", "kind", "state"), [k for k in KINDS if k[1] != "unknown"])
    def test_counts_as_a_question_and_takes_its_notices_in(self, outcome, kind, state) -> None:
        answer = Answer(outcome, {"ref": "1"}, "hash", [Step(at=NOW, name="asked")])
        decision = after_check(claim("waiting"), answer, SOON, now=NOW, notice_ids=["n1"])
        assert decision.checked
        assert list(decision.notice_ids) == ["n1"]
        assert decision.maybe_sent
        assert (decision.memory, decision.fingerprint) == ({"ref": "1"}, "hash")
        if not isinstance(outcome, Pending):
            assert (decision.state, told(decision).kind) == (state, kind)

    @pytest.mark.parametrize("state", ["waiting", "unknown"])
    @pytest.mark.parametrize("outcome", [Pending(), Unknown("?")])
    def test_without_news_waits_on(self, state, outcome) -> None:
        steps = [Step(at=NOW, name="asked")]
        decision = after_check(claim(state), Answer(outcome, evidence=steps), SOON, now=NOW)
        assert (decision.state, decision.check_after) == (state, 12 * SECOND)
        assert (told(decision).kind, told(decision).next_check_at) == ("noted", NOW + 12 * SECOND)
        sooner = after_check(claim(state), Answer(outcome, check_after=SECOND), OVER, now=NOW)
        assert (sooner.state, sooner.check_after, sooner.result) == (state, SECOND, None)

    def test_without_news_at_the_end_of_the_schedule_is_for_people(self) -> None:
        steps = [Step(at=NOW, name="asked")]
        answer = Answer(Pending(), evidence=steps)
        decision = after_check(claim("waiting"), answer, OVER, now=NOW, notice_ids=["n1"])
        result = told(decision)
        assert (decision.state, decision.check_after, result.kind) == (
            "review",
            None,
            "conflicting",
        )
        assert result.reason == "no final answer within a day"
        assert (list(decision.notice_ids), decision.maybe_sent) == (["n1"], True)
        assert list(result.evidence) == steps

    @pytest.mark.parametrize("state", ["done", "review"])
    @pytest.mark.parametrize(
        "outcome",
        [Pending(), Unknown("?"), Submitted(), ActionRequired({"type": "x"}), Conflicting("x")],
    )
    @pytest.mark.parametrize("after", [None, HOUR])
    def test_about_what_has_ended_is_a_note_at_most(self, state, outcome, after) -> None:
        answer = Answer(outcome, {"k": "v"}, None, [Step(at=NOW, name="asked")], after)
        decision = after_check(claim(state), answer, SOON, now=NOW, notice_ids=["n1"])
        result = told(decision)
        assert (decision.state, decision.check_after, result.kind) == (state, after, "noted")
        assert result.next_check_at == (NOW + HOUR if after else None)
        assert (decision.memory, decision.checked, decision.maybe_sent) == ({"k": "v"}, True, True)
        assert list(decision.notice_ids) == ["n1"]
        silent = after_check(claim(state), Answer(outcome), SOON, now=NOW)
        assert silent.result is None

    @pytest.mark.parametrize("state", ["done", "review"])
    @pytest.mark.parametrize(
        ("outcome", "kind"),
        [
            (Settled(Money(1, "KES")), "settled"),
            (Declined(NO), "declined"),
            (Expired(NO), "expired"),
            (Reversed(Money(1, "KES"), "r", "lost"), "reversed"),
            (Reinstated(Money(1, "KES"), "r", "found"), "reinstated"),
            (Disputed(DISPUTE), "disputed"),
        ],
    )
    def test_that_matters_is_told_even_after_the_end(self, state, outcome, kind) -> None:
        decision = after_check(claim(state), Answer(outcome), SOON, now=NOW)
        assert (decision.state, told(decision).kind) == ("done", kind)

    @pytest.mark.parametrize(
        ("outcome", "operation", "kind"),
        [(Saved("s"), "setup", "saved"), (Detached(), "detach", "detached")],
    )
    def test_about_a_saved_method_that_ended_is_told(self, outcome, operation, kind) -> None:
        decision = after_check(method_claim("done", operation), Answer(outcome), SOON, now=NOW)
        assert isinstance(decision.result, MethodResult)
        assert decision.result.kind == kind

    def test_an_aftermath_before_the_payment_says_so(self) -> None:
        decision = after_check(claim("waiting"), Answer(Disputed(DISPUTE)), SOON, now=NOW)
        assert "reversal or dispute" in (told(decision).reason or "")


class TestAQuestionThatFailed:
    @pytest.mark.parametrize(
        ("schedule", "error", "after"),
        [
            (Schedule(SECOND), DOWN, 5 * SECOND),
            (SOON, DOWN, 12 * SECOND),
            (OVER, DOWN, 15 * MINUTE),
            (SOON, ProviderThrottled("s", "", retry_after_s=11), 12 * SECOND),
            (SOON, ProviderThrottled("s", "", retry_after_s=13), 13 * SECOND),
        ],
    )
    @pytest.mark.parametrize("state", ["waiting", "unknown", "done"])
    @pytest.mark.parametrize("sent", [True, False])
    def test_is_asked_again(self, schedule, error, after, state, sent) -> None:
        decision = after_check_error(claim(state, maybe_sent=sent), error, schedule)
        assert (decision.state, decision.check_after, decision.result) == (state, after, None)
        assert (decision.checked, decision.maybe_sent, decision.notice_ids) == (True, sent, ())


def test_what_an_outcome_tells() -> None:
    """Every field that the ledger reads, by outcome."""
    failure = Failure("no", FailureCategory.LIMIT, "No.", retryable=False)
    wire = wire_failure(failure)
    assert (wire.code, wire.category, wire.message, wire.retryable) == (
        "no", FailureCategory.LIMIT, "No.", False,
    )  # fmt: skip
    amount, fee = Money(7, "KES"), Money(1, "USD")
    table = [
        (Settled(amount, "R", fee, CARD), {
            "amount": amount, "provider_fee": fee, "provider_reference": "R", "public": CARD,
            "exchanged": None}),
        (Settled(amount), {
            "amount": amount, "provider_fee": None, "provider_reference": None, "public": None,
            "exchanged": None}),
        (Settled(amount, exchanged=COINS), {
            "amount": amount, "provider_fee": None, "provider_reference": None, "public": None,
            "exchanged": COINS}),
        (Declined(failure), {"failure": wire, "provider_fee": None}),
        (Declined(failure, fee), {"failure": wire, "provider_fee": fee}),
        (Expired(failure), {"failure": wire, "provider_fee": None}),
        (ActionRequired({"type": "pin"}, "R", CARD), {
            "next_action": {"type": "pin"}, "provider_reference": "R", "public": CARD}),
        (Submitted("R"), {"provider_reference": "R", "next_action": None}),
        (Submitted("R", {"type": "x"}), {
            "provider_reference": "R", "next_action": {"type": "x"}}),
        (Unknown("why"), {"reason": "why"}),
        (Conflicting("why"), {"reason": "why"}),
        (Reversed(amount, "R", "why"), {
            "amount": amount, "provider_reference": "R", "reason": "why",
            "reversal_reference": "R"}),
        (Reversed(amount, "R", "why", "block 7"), {
            "amount": amount, "provider_reference": "R", "reason": "why",
            "reversal_reference": "block 7"}),
        (Reinstated(amount, "block 7", "mined again", "R2"), {
            "amount": amount, "provider_reference": "R2", "reason": "mined again",
            "reversal_reference": "block 7"}),
        (Pending(), {}),
        (Detached(), {}),
    ]  # fmt: skip
    for outcome, expected in table:
        assert details_of(outcome) == expected


def test_what_a_dispute_tells() -> None:
    dispute = Dispute(
        "du", "won", "fraudulent", Money(5, "USD"), withdrawn=Money(4, "USD"),
        reinstated=Money(3, "USD"), fee=Money(2, "USD"), fee_reinstated=Money(1, "USD"),
        evidence_due_by=NOW, closed="won",
    )  # fmt: skip
    assert details_of(Disputed(dispute)) == {
        "dispute": {
            "reference": "du", "status": "won", "reason": "fraudulent", "amount": Money(5, "USD"),
            "withdrawn": Money(4, "USD"), "reinstated": Money(3, "USD"), "fee": Money(2, "USD"),
            "fee_reinstated": Money(1, "USD"), "evidence_due_by": NOW, "closed": "won",
        }
    }  # fmt: skip


def test_what_a_saved_card_tells() -> None:
    decision = after_check(
        method_claim("waiting"), Answer(Saved("sealed", "owner", "hash", CARD)), SOON, now=NOW
    )
    result = decision.result
    assert isinstance(result, MethodResult)
    assert (result.instrument_sealed, result.customer_reference_sealed, result.fingerprint) == (
        "sealed", "owner", "hash",
    )  # fmt: skip
    assert result.public == CARD
    assert (result.method, result.rail) == ("card", "mpesa")


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Submitted(), "pending"),
        (Unknown("?"), "pending"),
        (ActionRequired({"type": "x"}), "action_required"),
        (Expired(NO), "failed"),
        (Conflicting("?"), "failed"),
    ],
)
def test_a_saved_methods_words(outcome, kind) -> None:
    decision = after_submit(method_claim(), Answer(outcome), SOON, now=NOW)
    assert isinstance(decision.result, MethodResult)
    assert decision.result.kind == kind
    if isinstance(outcome, Conflicting):
        failure = decision.result.failure
        assert failure is not None
        assert (failure.code, failure.retryable, failure.category) == (
            "provider_answer_unclear", True, FailureCategory.PROVIDER_UNAVAILABLE,
        )  # fmt: skip
