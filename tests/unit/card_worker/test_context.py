"""What the card flows share: time, secrets, words for the timeline."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from card_worker import domain, wire
from card_worker.context import (
    ACTION_CONTEXT,
    CARD_CONTEXT,
    REFERENCE_CONTEXT,
    Context,
    event_types,
    next_action,
)
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.commands import VAULT

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def context_of(clock: FakeClock, **over: Any) -> Context:
    return cards.processor(None, clock, **over)._context


def unknown_words() -> float:
    return UNKNOWN_WORDS.labels("stripe")._value.get()


def test_contexts_are_those_of_earlier_releases() -> None:
    """They are bound into what is sealed and hashed: another word opens and finds nothing."""
    assert (REFERENCE_CONTEXT, CARD_CONTEXT, ACTION_CONTEXT) == (
        "provider-request", "card", "next_action",
    )  # fmt: skip


class TestTime:
    def test_an_attempt_is_as_old_as_its_beginning(self, clock) -> None:
        context, attempt = context_of(clock), cards.attempt(cards.deposit(), clock)
        assert context.age(attempt) == timedelta(0)
        clock.advance(7 * SECOND)
        assert context.age(attempt) == 7 * SECOND

    def test_a_payers_time_runs_out(self, clock) -> None:
        context, attempt = (
            context_of(clock, action_timeout_s=600),
            cards.attempt(cards.deposit(), clock),
        )
        clock.advance(599 * SECOND)
        assert context.time_left(attempt) == SECOND
        clock.advance(2 * SECOND)
        assert context.time_left(attempt) == -SECOND

    def test_and_as_much_sooner_beside_a_faster_twin(self, clock) -> None:
        context = context_of(clock, action_timeout_s=600, check_speed=Decimal(10))
        attempt = cards.attempt(cards.deposit(), clock)
        assert context.time_left(attempt) == 60 * SECOND
        assert context.retry_delay() == timedelta(seconds=0.3)

    @pytest.mark.parametrize(
        ("kind", "age_s", "delay_s"),
        [
            ("payment", 0, 5),
            ("payment", 57, 3),  # the payer's time ends in three seconds
            ("payment", 60, 5),
            ("payment", 61, 5),
            ("refund", 57, 5),
        ],
    )
    def test_no_question_waits_beyond_the_payers_time(self, clock, kind, age_s, delay_s) -> None:
        context = context_of(clock, action_timeout_s=60)
        attempt = cards.attempt(cards.deposit(), clock)
        clock.advance(age_s * SECOND)
        assert context.check_delay(attempt, kind) == delay_s * SECOND

    def test_the_asking_ends_for_payments_before_refunds(self, clock) -> None:
        context = context_of(clock)
        attempt: Any = cards.attempt(cards.deposit(), clock)
        from dataclasses import replace

        attempt = replace(attempt, checks=len(domain.CHECK_GAPS_S))
        clock.advance(2 * DAY)
        assert context.check_delay(attempt, "payment") is None
        assert context.check_delay(attempt, "refund") == timedelta(hours=6)

    def test_a_watch_counts_from_the_beginning(self, clock) -> None:
        context, attempt = context_of(clock), cards.attempt(cards.deposit(), clock)
        clock.advance(4 * SECOND)
        assert context.watch(attempt, (10, 20)) == 6 * SECOND
        clock.advance(16 * SECOND)
        assert context.watch(attempt, (10, 20)) is None


class TestSecrets:
    def test_only_its_own_context_opens(self, clock) -> None:
        context = context_of(clock)
        assert context.open(context.seal("pm_1", context=CARD_CONTEXT)) == "pm_1"
        assert context.open(context.seal("pm_1", context=ACTION_CONTEXT)) is None
        assert context.open("nonsense") is None

    def test_a_reference_is_found_by_its_keyed_hash(self, clock) -> None:
        assert context_of(clock).fingerprint("pi_1") == VAULT.fingerprint(
            b"pi_1", context="provider-request"
        )


def test_a_step_is_named_for_the_provider_and_has_its_time(clock) -> None:
    step = context_of(clock).step("intent.read", intent="pi_1", status=None)
    assert (step.name, step.at, dict(step.detail)) == (
        "stripe.intent.read", clock.now(), {"intent": "pi_1"},
    )  # fmt: skip


def test_a_word_nobody_knows_is_counted(clock) -> None:
    before = unknown_words()
    context_of(clock).count_unknown("intent", None)
    assert unknown_words() == before + 1


class TestNextActions:
    def read(
        self, context: Context, action: dict[str, Any] | None, secret: str | None
    ) -> dict[str, str]:
        part = wire.NextAction.model_validate(action) if action else None
        return next_action(context, "use_stripe_sdk", part, secret)

    def test_a_redirect_is_the_banks_page_and_nothing_else(self, clock) -> None:
        context = context_of(clock)
        redirect = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example"}}
        shown = self.read(context, redirect, "secret")
        sealed = shown.pop("url_sealed")
        assert VAULT.open(sealed, context="next_action") == b"https://bank.example"
        assert shown == {"type": "redirect_to_url"}

    @pytest.mark.parametrize(
        ("action", "kind"),
        [
            (None, "use_stripe_sdk"),
            ({"type": "use_stripe_sdk"}, "use_stripe_sdk"),
            ({"type": "a_new_word"}, "a_new_word"),
            ({"type": "redirect_to_url"}, "redirect_to_url"),
            ({"type": "redirect_to_url", "redirect_to_url": {"url": None}}, "redirect_to_url"),
            ({"type": "other", "redirect_to_url": {"url": "https://bank.example"}}, "other"),
        ],
    )
    def test_all_else_is_for_stripes_library(self, clock, action, kind) -> None:
        context = context_of(clock)
        shown = self.read(context, action, "secret")
        sealed = shown.pop("client_secret_sealed")
        assert VAULT.open(sealed, context="next_action") == b"secret"
        assert shown == {"type": kind, "publishable_key": cards.PUBLISHABLE_KEY}
        assert "client_secret_sealed" not in self.read(context, action, None)


def test_what_notices_are_about() -> None:
    notices = [
        cards.notice(cards.event("charge.dispute.created", {})),
        cards.notice(cards.event("charge.dispute.created", {}, number=2)),
        cards.notice(b"<html>"),
    ]
    assert event_types(notices) == {"charge.dispute.created", ""}
    assert event_types([]) == set()
