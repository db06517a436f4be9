"""When an ended deposit is looked at, what costs no request, and what is told of it."""

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from card_method.rail import RAIL
from cift_shared.attempts.processor import Answer
from cift_shared.messaging.outcomes import Conflicting, Disputed, Pending, Settled
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.cards import DISPUTES, INTENT, READ, Script
from tests.unit.card_worker.test_deposit_steps import told, words_told

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
SUCCESSES = ["payment_intent.succeeded", "charge.succeeded"]
NO_NEWS = [
    *SUCCESSES, "payment_intent.created", "payment_intent.processing",
    "payment_intent.requires_action", "payment_intent.payment_failed", "payment_intent.canceled",
]  # fmt: skip
WITH_FEE: Any = {"intent": INTENT, "told": "settled", "fee_told": "yes"}
WITHOUT_FEE: Any = {"intent": INTENT, "told": "settled"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def look(script: Script, clock: FakeClock, *events: str, **memory: str) -> Answer:
    """The answer about a deposit that has ended, after these events."""
    processor = cards.processor(script, clock)
    attempt = cards.attempt(cards.deposit(clock=clock), clock, **memory)
    attempt = cards.learned(attempt, Answer(Pending()), ended=True)
    notices = [cards.notice(cards.event(kind, {}, number)) for number, kind in enumerate(events)]
    answer = await processor.get_transaction_status(attempt, notices)
    await processor.close()
    return answer


def paid(**charge: Any) -> dict[str, Any]:
    return cards.intent("succeeded", latest_charge=cards.charge(**charge))


class TestWhatIsSettledWithItsFee:
    @pytest.mark.parametrize("kinds", [*([kind] for kind in NO_NEWS), NO_NEWS])
    async def test_old_events_cost_no_request(self, clock, kinds) -> None:
        script = Script()
        assert await look(script, clock, *kinds, **WITH_FEE) == Answer(Pending(), check_after=DAY)
        assert not script.requests

    @pytest.mark.parametrize(
        "events",
        [
            [],
            ["charge.updated"],
            ["payment_intent.succeeded", "charge.updated"],
            ["charge.refunded"],
        ],
    )
    async def test_its_time_or_any_other_event_is_a_look(self, clock, events) -> None:
        script = Script().on(READ, paid())
        answer = await look(script, clock, *events, **WITH_FEE)
        assert answer == Answer(Pending(), check_after=DAY)
        assert [f"{one.method} {one.path}" for one in script.requests] == [READ]


class TestTheFee:
    @pytest.mark.parametrize("kind", NO_NEWS)
    async def test_while_it_is_unknown_every_event_is_a_look(self, clock, kind) -> None:
        script = Script().on(READ, paid())
        answer = await look(script, clock, kind, **WITHOUT_FEE)
        assert isinstance(answer.outcome, Settled)
        assert (answer.memory, answer.check_after) == ({"fee_told": "yes"}, DAY)
        assert told(answer) == [("stripe.fee.known", {"intent": INTENT, "fee": "0.88"})]

    async def test_its_step_is_one_that_no_merchant_sees(self, clock) -> None:
        answer = await look(Script().on(READ, paid()), clock, **WITHOUT_FEE)
        assert {step.name for step in answer.evidence} == RAIL.cost_steps

    @pytest.mark.parametrize(
        "intent", [paid(fee=None), cards.intent("succeeded", latest_charge=None)]
    )
    async def test_still_unknown_is_looked_for_soon(self, clock, intent) -> None:
        answer = await look(Script().on(READ, intent), clock, **WITHOUT_FEE)
        assert answer == Answer(Pending(), check_after=QUARTER)

    async def test_of_nothing_is_no_news_for_the_books(self, clock) -> None:
        answer = await look(Script().on(READ, paid(fee=0)), clock, **WITHOUT_FEE)
        assert answer.outcome == Pending()
        assert (answer.memory, answer.check_after) == ({"fee_told": "yes"}, DAY)
        assert told(answer) == [("stripe.fee.known", {"intent": INTENT, "fee": "none"})]

    async def test_of_a_contested_charge_is_told_first_and_the_dispute_at_once(self, clock) -> None:
        answer = await look(Script().on(READ, paid(disputed=True)), clock, **WITHOUT_FEE)
        assert isinstance(answer.outcome, Settled)
        assert answer.check_after == timedelta(0)

    async def test_once_told_is_not_told_again(self, clock) -> None:
        answer = await look(Script().on(READ, paid()), clock, **WITH_FEE)
        assert answer.outcome == Pending()


class TestADispute:
    @pytest.mark.parametrize("charge", [paid(), cards.intent("succeeded", latest_charge=None)])
    @pytest.mark.parametrize(
        ("events", "memory"),
        [
            (["charge.dispute.created"], {}),
            (["charge.dispute.closed", "charge.updated"], {}),
            ([], {"dispute:du_0": "seen"}),
        ],
    )
    async def test_is_looked_for_when_anything_has_named_one(
        self, clock, charge, events, memory
    ) -> None:
        """Stripe's flag on the charge may come later than its event."""
        script = Script().on(READ, charge).on(DISPUTES, cards.page(cards.dispute_object()))
        answer = await look(script, clock, *events, **WITH_FEE, **memory)
        assert isinstance(answer.outcome, Disputed)

    async def test_by_the_flag_alone_is_found(self, clock) -> None:
        script = Script().on(READ, paid(disputed=True))
        script.on(DISPUTES, cards.page(cards.dispute_object()))
        answer = await look(script, clock, **WITH_FEE)
        assert isinstance(answer.outcome, Disputed)
        assert script.sent(DISPUTES)[0].form["payment_intent"] == INTENT
        assert list(answer.memory) == ["dispute:du_1"]
        assert answer.check_after == timedelta(0)
        assert told(answer) == [
            ("stripe.dispute.read", {"dispute": "du_1", "status": "needs_response"})
        ]

    @pytest.mark.parametrize("charge", [paid(), cards.intent("succeeded", latest_charge=None)])
    async def test_that_nothing_names_is_not_looked_for(self, clock, charge) -> None:
        script = Script().on(READ, charge)
        answer = await look(script, clock, "charge.updated", **WITH_FEE)
        assert answer == Answer(Pending(), check_after=DAY)
        assert not script.sent(DISPUTES)

    async def test_list_that_is_empty_waits_on(self, clock) -> None:
        script = Script().on(READ, paid(disputed=True)).on(DISPUTES, cards.page())
        answer = await look(script, clock, **WITH_FEE)
        assert answer == Answer(Pending(), check_after=DAY)

    @pytest.mark.parametrize(
        ("status", "words"), [("lost", []), ("a_new_word", [("dispute", "a_new_word")])]
    )
    async def test_in_a_new_word_is_told_and_counted(self, clock, status, words) -> None:
        script = Script().on(READ, paid(disputed=True))
        script.on(DISPUTES, cards.page(cards.dispute_object(status)))
        with words_told(*words):
            answer = await look(script, clock, **WITH_FEE)
        assert isinstance(answer.outcome, Disputed)

    async def test_in_an_unknown_currency_hides_no_other(self, clock) -> None:
        strange = {**cards.dispute_object("lost"), "currency": "xxx"}
        script = Script().on(READ, paid(disputed=True))
        script.on(DISPUTES, cards.page(strange, {**cards.dispute_object("lost"), "id": "du_2"}))
        with words_told(("dispute currency", "xxx")):
            answer = await look(script, clock, **WITH_FEE)
        assert isinstance(answer.outcome, Disputed)
        assert answer.outcome.dispute.reference == "du_2"

    async def test_is_told_again_when_any_of_it_changes(self, clock) -> None:
        one = cards.dispute_object("needs_response", (-20_00, 15_00))
        changes: list[dict[str, Any]] = [
            {"status": "under_review"},
            {"reason": "duplicate"},
            {"amount": 19_00},
            {"balance_transactions": []},
            {"evidence_details": {"due_by": 1_768_000_001}},
        ]
        digests = set()
        for change in [{}, *changes]:
            script = Script().on(READ, paid(disputed=True))
            script.on(DISPUTES, cards.page({**one, **change}))
            digests.add((await look(script, clock, **WITH_FEE)).memory["dispute:du_1"])
        assert len(digests) == len(changes) + 1

    async def test_is_remembered_as_earlier_releases_did(self, clock) -> None:
        """Another digest would tell every open dispute of the past a second time."""
        script = Script().on(READ, paid(disputed=True))
        script.on(DISPUTES, cards.page(cards.dispute_object("needs_response", (-20_00, 15_00))))
        answer = await look(script, clock, **WITH_FEE)
        assert answer.memory == {"dispute:du_1": "ae20c6c6ff9ebb872a377694b1a5e615"}


class TestWhatEndedWithoutMoney:
    FAILED: ClassVar[dict[str, str]] = {"intent": INTENT, "told": "failed"}

    @pytest.mark.parametrize("kind", SUCCESSES)
    async def test_a_success_after_all_is_shown(self, clock, kind) -> None:
        script = Script().on(READ, cards.intent("succeeded"))
        answer = await look(script, clock, "payment_intent.canceled", kind, **self.FAILED)
        assert isinstance(answer.outcome, Settled)
        assert (answer.memory, answer.check_after) == ({"told": "settled"}, None)
        assert told(answer) == [("stripe.intent.succeeded_after_all", {"intent": INTENT})]

    async def test_a_success_nobody_can_read_is_for_people(self, clock) -> None:
        script = Script().on(READ, cards.intent("succeeded", currency="xxx"))
        answer = await look(script, clock, SUCCESSES[0], **self.FAILED)
        assert isinstance(answer.outcome, Conflicting)

    async def test_a_success_that_stripe_does_not_confirm_is_nothing(self, clock) -> None:
        script = Script().on(READ, cards.intent("canceled"))
        assert await look(script, clock, SUCCESSES[0], **self.FAILED) == Answer(Pending())

    @pytest.mark.parametrize("kind", [None, *NO_NEWS[2:], "charge.dispute.created"])
    async def test_other_events_cost_no_request(self, clock, kind) -> None:
        script = Script()
        events = [kind] if kind else []
        assert await look(script, clock, *events, **self.FAILED) == Answer(Pending())
        assert not script.requests

    @pytest.mark.parametrize("kind", SUCCESSES)
    async def test_without_an_intent_there_is_nothing_to_read(self, clock, kind) -> None:
        script = Script()
        assert await look(script, clock, kind, told="settled") == Answer(Pending())
        assert not script.requests
