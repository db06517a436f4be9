"""What is said of a payment: where it is, what happens next, what is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cift_shared.money.amount import Money
from ledger.operator.payment_state import Attempt, PaymentState, Posted, Waiting
from ledger.operator.payment_story import FINAL, OUTBOX_WAIT_MAX, findings, story

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def payment(status: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "withdrawal", "method": "mpesa", "status": status, "minor": 4_000,
        "currency": "KES", "updated_at": NOW - 5 * MINUTE, "provider_reference": None,
        "reversed_minor": 0, "disputed_minor": 0, "overdue_since": None, "sweep_count": 0,
        **fields,
    }  # fmt: skip


def attempt(state: str) -> Attempt:
    return Attempt("mpesa", 1, state, 1, 3, True, False, NOW + 3 * MINUTE, NOW)


def told(state: PaymentState) -> str:
    return " ".join(story(state, now=NOW))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("ready", "is to be sent to the provider in 3 min"),
        ("sending", "is being sent"),
        ("waiting", "queries the provider in 3 min (3 times before)"),
        ("unknown", "queries the provider in 3 min and does not repeat the request blindly"),
        ("done", "its result is on its way"),
        ("review", "an operator must decide"),
    ],
)
def test_each_state_of_an_attempt_says_what_comes_next(state: str, words: str) -> None:
    assert words in told(PaymentState(payment("processing"), attempts=[attempt(state)]))


def test_without_an_attempt_it_says_where_the_command_is() -> None:
    waits = Waiting("gateway", "payments.commands.mpesa", NOW)
    assert "not published yet" in told(PaymentState(payment("pending"), outbox=[waits]))
    assert "the worker is down or behind" in told(PaymentState(payment("pending")))
    blind = PaymentState(payment("pending"), unreadable=["mpesa.attempt"])
    assert "can't be read by this login" in told(blind)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_payment_has_no_next_step(status: str) -> None:
    assert "nothing more happens" in told(PaymentState(payment(status), attempts=[attempt("done")]))


def test_a_payment_on_its_way_has_no_findings() -> None:
    held = [("held", Money(4_100, "KES"))]
    outbox = [Waiting("mpesa", "payments.results", NOW - OUTBOX_WAIT_MAX)]
    state = PaymentState(payment("processing"), held, [], [attempt("waiting")], outbox)
    assert findings(state, now=NOW) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PaymentState(payment("completed"), posted=[Posted("KES", 1, 7)]), "sum to 7 minor units"),
        (PaymentState(payment("completed")), "nothing has been posted"),
        (PaymentState(payment("failed"), [("held", Money(1, "KES"))]), "hold is still open"),
        (PaymentState(payment("in_review")), "waits for an operator"),
        (PaymentState(payment("pending", overdue_since=NOW)), "overdue"),
        (
            PaymentState(
                payment("pending"),
                outbox=[Waiting("gateway", "t", NOW - OUTBOX_WAIT_MAX - MINUTE)],
            ),
            "does not leave the outbox of gateway",
        ),
    ],
)
def test_what_is_wrong_is_named(state: PaymentState, words: str) -> None:
    [found] = findings(state, now=NOW)
    assert words in found
