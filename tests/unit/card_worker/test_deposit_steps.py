"""Each step of a deposit by card, with both sides of its bounds and what it tells."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from card_method.rail import RAIL
from card_worker.deposits import CLOCK_SKEW_S
from cift_shared.attempts.processor import Answer
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Expired,
    Pending,
    Settled,
    Submitted,
    Unknown,
)
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.cards import CANCEL, CONFIRM, CREATE, INTENT, LIST, READ, Script

TIMEOUT_S = 600
SECOND = timedelta(seconds=1)
PAUSE = timedelta(seconds=3)
NO = {"code": "card_declined", "decline_code": "insufficient_funds", "type": "card_error"}
WAITING = cards.intent("requires_action", next_action={"type": "use_stripe_sdk"})
ENDED = cards.intent("canceled", cancellation_reason="abandoned")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def unknown_words() -> float:
    return UNKNOWN_WORDS.labels("stripe")._value.get()


@contextmanager
def words_told(*words: tuple[str, str]) -> Iterator[None]:
    """Sees that operators are told of these words of Stripe's (kind, word), and count them."""
    before = unknown_words()
    with capture_logs() as lines:
        yield
    told = [(one["kind"], one["word"]) for one in lines if one["event"] == "stripe.word.unknown"]
    assert told == list(words)
    assert unknown_words() == before + len(words)


def told(answer: Answer) -> list[tuple[str, dict[str, Any]]]:
    return [(step.name, dict(step.detail)) for step in answer.evidence]


async def check(script: Script, clock: FakeClock, *, checks: int = 0, age_s: int = 0, **memory):
    """The answer to one question about a deposit of this age, and the attempt."""
    attempt = cards.attempt(cards.deposit(clock=clock), clock, **memory)
    for _ in range(checks):
        attempt = cards.learned(attempt, Answer(Pending()), checked=True)
    clock.advance(age_s * SECOND)
    processor = cards.processor(script, clock, action_timeout_s=TIMEOUT_S)
    answer = await processor.get_transaction_status(attempt)
    await processor.close()
    return answer, attempt


async def submit(script: Script, clock: FakeClock, request=None, **memory) -> Answer:
    processor = cards.processor(script, clock)
    attempt = cards.attempt(request or cards.deposit(clock=clock), clock, **memory)
    answer = await processor.process_deposit(attempt)
    await processor.close()
    return answer


class TestMaking:
    async def test_everything_stripe_is_told(self, clock) -> None:
        script = Script().on(CREATE, cards.intent())
        request = cards.deposit(
            minor=12_34, currency="EUR", owner="cus_9", clock=clock, description="Order 7"
        )
        answer = await submit(script, clock, request)
        form = script.sent(CREATE)[0].form
        attempt_id = form.pop("metadata[cift_attempt]")
        assert attempt_id == str(cards.attempt(request, clock).attempt_id)
        assert form == {
            "amount": "1234",
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "payment_method_types[0]": "card",
            "capture_method": "automatic",
            "metadata[cift_payment]": str(request.payment_id),
            "metadata[cift_merchant]": "m_test",
            "customer": "cus_9",
            "description": "Order 7",
        }
        assert answer.outcome == Submitted()
        assert answer.fingerprint == cards.processor(script, clock)._context.fingerprint(INTENT)
        assert told(answer) == [
            ("stripe.intent.created", {"intent": INTENT, "status": "requires_confirmation"})
        ]

    @pytest.mark.parametrize("sealed", ["sealed", "customer_sealed"])
    async def test_a_card_or_an_owner_that_can_t_be_opened_is_not_sent(self, clock, sealed) -> None:
        request = cards.deposit(owner="cus_9", clock=clock)
        broken = request.instrument.model_copy(update={sealed: "k1.nonsense"})
        script = Script()
        answer = await submit(script, clock, request.model_copy(update={"instrument": broken}))
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "sealed_data_unreadable"
        assert told(answer) == [("stripe.intent.refused", {"reason": "sealed_data_unreadable"})]
        assert not script.requests

    @pytest.mark.parametrize("minor", [999_999_99, 1_000_000_00])
    async def test_an_amount_too_long_for_stripe_is_not_sent(self, clock, minor) -> None:
        script = Script().on(CREATE, cards.intent())
        answer = await submit(script, clock, cards.deposit(minor=minor, clock=clock))
        fits = minor < 1_000_000_00
        assert isinstance(answer.outcome, Submitted if fits else Declined)
        assert len(script.requests) == fits
        if isinstance(answer.outcome, Declined):
            assert answer.outcome.failure.code == "amount_out_of_limits"

    async def test_a_failed_key_is_counted_on(self, clock) -> None:
        script = Script().on(CREATE, cards.error(500, kind="api_error"))
        answer = await submit(script, clock, creates="4")
        assert script.sent(CREATE)[0].headers["idempotency-key"].endswith("-create-4")
        assert isinstance(answer.outcome, Unknown)
        assert (answer.memory, answer.check_after) == ({"creates": "5"}, PAUSE)
        assert told(answer) == [("stripe.intent.failed", {"number": "4"})]


class TestLookingForALostIntent:
    @pytest.mark.parametrize(
        ("age_s", "until_s"), [(0, 0), (TIMEOUT_S - 1, TIMEOUT_S - 1), (TIMEOUT_S + 50, TIMEOUT_S)]
    )
    async def test_the_window_is_the_payers_time_with_some_skew(
        self, clock, age_s, until_s
    ) -> None:
        began = int(clock.now().timestamp())
        script = Script().on(LIST, cards.page()).on(CREATE, cards.intent())
        await check(script, clock, age_s=age_s)
        form = script.sent(LIST)[0].form
        assert CLOCK_SKEW_S == 300
        assert int(form["created[gte]"]) == began - 300
        # never past the payer's time: after it none is made
        assert int(form["created[lte]"]) == began + until_s + 300

    @pytest.mark.parametrize("age_s", [TIMEOUT_S - 1, TIMEOUT_S, TIMEOUT_S + 1])
    async def test_none_is_made_once_the_payers_time_is_over(self, clock, age_s) -> None:
        script = Script().on(LIST, cards.page()).on(CREATE, cards.intent())
        answer, _ = await check(script, clock, age_s=age_s)
        if age_s < TIMEOUT_S:
            assert answer.outcome == Submitted()
            assert len(script.sent(CREATE)) == 1
            return
        assert isinstance(answer.outcome, Expired)
        assert answer.outcome.failure.code == "action_expired"
        assert told(answer) == [("stripe.intent.not_made", {"reason": "time is over"})]
        assert not script.sent(CREATE)

    @pytest.mark.parametrize("age_s", [0, 2 * TIMEOUT_S])
    async def test_one_that_is_found_is_stored(self, clock, age_s) -> None:
        script = Script()
        attempt_id: dict[str, str] = {}
        script.on(LIST, lambda _: _page_of(attempt_id))
        attempt = cards.attempt(cards.deposit(clock=clock), clock)
        attempt_id["id"] = str(attempt.attempt_id)
        clock.advance(age_s * SECOND)
        processor = cards.processor(script, clock, action_timeout_s=TIMEOUT_S)
        answer = await processor.get_transaction_status(attempt)
        await processor.close()
        assert answer.outcome == Submitted()
        assert (answer.memory, answer.check_after) == ({"intent": INTENT}, timedelta(0))
        assert told(answer) == [
            ("stripe.intent.found", {"intent": INTENT, "status": "requires_confirmation"})
        ]
        assert not script.sent(CREATE)

    async def test_without_a_beginning_it_began_now(self, clock) -> None:
        script = Script().on(LIST, cards.page()).on(CREATE, cards.intent())
        attempt = replace(cards.attempt(cards.deposit(clock=clock), clock), created_at=None)
        processor = cards.processor(script, clock, action_timeout_s=TIMEOUT_S)
        await processor.get_transaction_status(attempt)
        await processor.close()
        now = int(clock.now().timestamp())
        form = script.sent(LIST)[0].form
        assert (int(form["created[gte]"]), int(form["created[lte]"])) == (now - 300, now + 300)


def _page_of(attempt_id: dict[str, str]):
    mine = cards.intent(metadata={"cift_attempt": attempt_id["id"]})
    return httpx.Response(200, json=cards.page(mine))


class TestConfirming:
    @pytest.mark.parametrize("age_s", [TIMEOUT_S - 1, TIMEOUT_S])
    async def test_only_within_the_payers_time(self, clock, age_s) -> None:
        script = Script().on(CONFIRM, cards.intent("succeeded")).on(CANCEL, ENDED)
        answer, _ = await check(script, clock, age_s=age_s, intent=INTENT)
        assert isinstance(answer.outcome, Settled if age_s < TIMEOUT_S else Expired)
        assert len(script.sent(CONFIRM)) == (age_s < TIMEOUT_S)

    async def test_the_key_says_which_question_it_was(self, clock) -> None:
        script = Script().on(READ, cards.intent("requires_confirmation"))
        script.on(CONFIRM, cards.intent("succeeded"))
        _, attempt = await check(script, clock, checks=3, intent=INTENT)
        key = script.sent(CONFIRM)[0].headers["idempotency-key"]
        assert key == f"{attempt.attempt_id}-confirm-3"

    async def test_one_that_was_not_taken_in_yet_is_read_after_a_pause(self, clock) -> None:
        script = Script().on(CONFIRM, cards.intent("requires_confirmation"))
        answer, _ = await check(script, clock, intent=INTENT)
        assert (answer.outcome, answer.check_after) == (Pending(), PAUSE)
        assert told(answer) == [
            ("stripe.intent.read", {"intent": INTENT, "status": "requires_confirmation"})
        ]
        assert len(script.requests) == 1

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (
                cards.error(402, "card_declined", "card_error", decline_code="lost_card"),
                "card_refused",
            ),
            (cards.error(400, "parameter_invalid", param="x"), "provider_request_refused"),
        ],
        ids=["by the bank", "by Stripe"],
    )
    async def test_a_refusal_is_told_in_its_own_words_once_the_intent_has_ended(
        self, clock, error, code
    ) -> None:
        script = Script().on(CONFIRM, error)
        script.on(READ, cards.intent("requires_payment_method", last_payment_error=NO))
        script.on(CANCEL, {**ENDED, "last_payment_error": NO})
        answer, attempt = await check(script, clock, intent=INTENT)
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == code
        assert answer.memory == {"told": "failed"}
        key = script.sent(CANCEL)[0].headers["idempotency-key"]
        assert key == f"{attempt.attempt_id}-cancel-0"

    async def test_a_refusal_beside_a_success_settles(self, clock) -> None:
        script = Script().on(CONFIRM, cards.error(400, "payment_intent_unexpected_state"))
        script.on(READ, cards.intent("succeeded"))
        answer, _ = await check(script, clock, intent=INTENT)
        assert isinstance(answer.outcome, Settled)

    @pytest.mark.parametrize(
        ("over", "form"),
        [
            ({}, {}),
            ({"off_session": True}, {"off_session": "true"}),
            ({"return_url": "https://shop.example/b"}, {"return_url": "https://shop.example/b"}),
        ],
    )
    async def test_with_the_payers_consent(self, clock, over, form) -> None:
        script = Script().on(CREATE, cards.intent()).on(CONFIRM, cards.intent("succeeded"))
        processor = cards.processor(script, clock)
        attempt = cards.attempt(cards.deposit(clock=clock, **over), clock, intent=INTENT)
        await processor.get_transaction_status(attempt)
        await processor.close()
        sent = script.sent(CONFIRM)[0].form
        assert {name: text for name, text in sent.items() if "expand" not in name} == form


class TestReading:
    async def test_a_success_is_told_with_its_sums(self, clock) -> None:
        script = Script().on(READ, cards.intent("succeeded", amount_received=19_99))
        answer, _ = await check(script, clock, checks=1, intent=INTENT)
        assert answer.memory == {"told": "settled", "fee_told": "yes"}
        assert told(answer) == [
            (
                "stripe.intent.succeeded",
                {"intent": INTENT, "amount": "19.99", "currency": "USD", "fee": "0.88"},
            )
        ]

    async def test_a_success_is_told_as_the_documents_show_it(self, clock) -> None:
        name, shown = RAIL.example.evidence
        reference = RAIL.example.reference
        script = Script().on(
            f"GET /v1/payment_intents/{reference}", cards.intent("succeeded", id=reference)
        )
        answer, _ = await check(script, clock, checks=1, intent=reference)
        ((told_name, detail),) = told(answer)
        assert told_name == name
        assert shown == {"intent": detail["intent"]}

    async def test_a_success_without_its_fee_is_looked_at_soon(self, clock) -> None:
        charge = cards.charge(fee=None)
        script = Script().on(READ, cards.intent("succeeded", latest_charge=charge))
        answer, _ = await check(script, clock, checks=1, intent=INTENT)
        assert answer.memory == {"told": "settled"}
        assert answer.check_after == timedelta(minutes=15)
        assert "fee" not in told(answer)[0][1]

    async def test_a_success_nobody_can_read_names_no_sums(self, clock) -> None:
        script = Script().on(READ, cards.intent("succeeded", currency="xxx"))
        answer, _ = await check(script, clock, checks=1, intent=INTENT)
        assert isinstance(answer.outcome, Conflicting)
        assert told(answer) == [("stripe.intent.succeeded", {"intent": INTENT})]

    async def test_one_that_stripe_ended(self, clock) -> None:
        script = Script().on(READ, cards.intent("canceled", cancellation_reason="fraudulent"))
        answer, _ = await check(script, clock, checks=1, intent=INTENT)
        assert isinstance(answer.outcome, Declined)
        assert answer.outcome.failure.code == "canceled_at_provider"
        assert told(answer) == [("stripe.intent.read", {"intent": INTENT, "status": "canceled"})]

    @pytest.mark.parametrize(
        ("status", "words"),
        [("processing", []), ("requires_capture", []), ("a_new_word", [("intent", "a_new_word")])],
    )
    async def test_only_words_of_no_table_are_counted(self, clock, status, words) -> None:
        script = Script().on(READ, cards.intent(status))
        with words_told(*words):
            answer, _ = await check(script, clock, checks=1, intent=INTENT)
        assert answer == Answer(Pending())


class TestThePayersAction:
    @pytest.mark.parametrize("age_s", [TIMEOUT_S - 1, TIMEOUT_S])
    async def test_has_its_time(self, clock, age_s) -> None:
        script = Script().on(READ, WAITING).on(CANCEL, ENDED)
        answer, _ = await check(script, clock, checks=1, age_s=age_s, intent=INTENT)
        assert isinstance(answer.outcome, ActionRequired if age_s < TIMEOUT_S else Expired)
        assert len(script.sent(CANCEL)) == (age_s == TIMEOUT_S)

    @pytest.mark.parametrize(
        ("action", "kind"),
        [
            (None, "use_stripe_sdk"),
            ({"type": "use_stripe_sdk"}, "use_stripe_sdk"),
            ({"type": "a_new_word"}, "a_new_word"),
        ],
    )
    async def test_is_told_by_its_kind(self, clock, action, kind) -> None:
        script = Script().on(READ, cards.intent("requires_action", next_action=action))
        answer, _ = await check(script, clock, checks=1, intent=INTENT)
        assert isinstance(answer.outcome, ActionRequired)
        assert answer.outcome.provider_reference == INTENT
        assert answer.outcome.next_action["type"] == kind
        assert answer.memory == {"action": kind}
        assert told(answer) == [
            ("stripe.intent.requires_action", {"intent": INTENT, "action": kind})
        ]

    async def test_is_told_again_when_it_is_another(self, clock) -> None:
        script = Script().on(READ, WAITING)
        again, _ = await check(script, clock, checks=1, intent=INTENT, action="use_stripe_sdk")
        assert again == Answer(Pending())
        other, _ = await check(script, clock, checks=1, intent=INTENT, action="redirect_to_url")
        assert isinstance(other.outcome, ActionRequired)


class TestEnding:
    async def test_an_intent_that_does_not_end_is_read_after_a_pause(self, clock) -> None:
        script = Script().on(READ, WAITING, cards.intent("processing"))
        script.on(CANCEL, cards.error(400, "payment_intent_unexpected_state"))
        answer, attempt = await check(script, clock, checks=2, age_s=TIMEOUT_S, intent=INTENT)
        assert (answer.outcome, answer.check_after) == (Pending(), PAUSE)
        assert told(answer) == [("stripe.intent.ended", {"intent": INTENT, "status": "processing"})]
        key = script.sent(CANCEL)[0].headers["idempotency-key"]
        assert key == f"{attempt.attempt_id}-cancel-2"

    @pytest.mark.parametrize(
        ("error", "word", "detail"),
        [
            (None, None, {}),
            (NO, None, {"code": "card_declined", "decline_code": "insufficient_funds"}),
            ({"decline_code": "new_1"}, "new_1", {"decline_code": "new_1"}),
            ({"code": "new_1"}, "new_1", {"code": "new_1"}),
            (
                {"code": "new_1", "decline_code": "new_2"},
                "new_2",
                {"code": "new_1", "decline_code": "new_2"},
            ),
            (
                {"code": "new_1", "advice_code": "try_again_later"},
                None,
                {"code": "new_1", "advice": "try_again_later"},
            ),
        ],
    )
    async def test_the_banks_words_are_told_and_new_ones_counted(
        self, clock, error, word, detail
    ) -> None:
        script = Script().on(READ, WAITING).on(CANCEL, {**ENDED, "last_payment_error": error})
        with words_told(*([("decline", word)] if word else [])):
            answer, _ = await check(script, clock, checks=1, age_s=TIMEOUT_S, intent=INTENT)
        assert isinstance(answer.outcome, Declined if error else Expired)
        whole = {"intent": INTENT, "status": "canceled", **detail}
        assert told(answer) == [("stripe.intent.ended", whole)]
