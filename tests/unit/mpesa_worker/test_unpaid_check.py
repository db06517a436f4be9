"""A push is proven unpaid by every part of the proof, and by nothing less."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_worker.unpaid_check import PaymentWindow, PushFacts, can_be_met_later, unmet_condition
from mpesa_worker.unresolved_pushes import PROMPT_LIFE_S, payment_window
from tests.support import mpesa

SENT = datetime(2026, 1, 5, 12, tzinfo=UTC)
BOUNDS = PaymentWindow(clock_skew=timedelta(minutes=1), lifetime=timedelta(minutes=7))
MINUTE, TICK = timedelta(minutes=1), timedelta(microseconds=1)
PROVEN = PushFacts(
    reference="ABCDEFGHIJKL",
    first_at=SENT,
    last_at=SENT + MINUTE,
    in_records=False,
    registered_at=SENT,
    covered_from=SENT - MINUTE,
    covered_until=SENT + 8 * MINUTE,
    witness_sent_at=SENT,
)


def test_at_its_bounds_it_is_proven() -> None:
    assert unmet_condition(PROVEN, BOUNDS) is None


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"in_records": True}, "its reference is in the records"),
        ({"registered_at": None}, "pulls were not registered before it was sent"),
        ({"registered_at": SENT + TICK}, "pulls were not registered before it was sent"),
        ({"covered_from": None}, "the records were not read from before it was sent"),
        (
            {"covered_from": SENT - MINUTE + TICK},
            "the records were not read from before it was sent",
        ),
        ({"covered_until": None}, "the records were not read from before it was sent"),
        (
            {"covered_until": SENT + 8 * MINUTE - TICK},
            "the records are not read to the end of its lifetime",
        ),
        ({"last_at": SENT + MINUTE + TICK}, "the records are not read to the end of its lifetime"),
        ({"witness_sent_at": None}, "the records have shown no push that was sent later"),
        ({"witness_sent_at": SENT - TICK}, "the records have shown no push that was sent later"),
    ],
)
def test_each_part_is_needed(change: dict[str, object], lacks: str) -> None:
    assert unmet_condition(replace(PROVEN, **change), BOUNDS) == lacks


moments = st.none() | st.timedeltas(timedelta(hours=-1), timedelta(hours=1)).map(SENT.__add__)


@given(st.booleans(), moments, moments, moments, moments)
def test_a_proof_that_can_not_come_never_comes(
    in_records: bool,
    registered: datetime | None,
    since: datetime | None,
    until: datetime | None,
    witness: datetime | None,
) -> None:
    facts = PushFacts("R", SENT, SENT, in_records, registered, since, until, witness)
    if unmet_condition(facts, BOUNDS) is None:
        assert can_be_met_later(facts, BOUNDS)
        assert not in_records


def test_the_life_of_a_push_is_its_request_and_its_prompt() -> None:
    config = mpesa.config()
    bounds = payment_window(config)
    request_s = config.answer_deadline_s
    assert bounds.lifetime == timedelta(seconds=request_s + PROMPT_LIFE_S + 60)
    assert bounds.clock_skew == timedelta(seconds=60)


def test_no_check_speed_shortens_a_request() -> None:
    config = mpesa.config(check_speed=Decimal(1000))
    assert payment_window(config).lifetime > timedelta(seconds=config.answer_deadline_s)
