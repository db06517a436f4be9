"""Rules of time and keys."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.ids import AttemptId
from paypal_worker import domain

ID = AttemptId(UUID("019c11c0-8a80-7b42-8f10-5a6b7c8d9e0f"))
ONE = Decimal(1)
DAY = timedelta(days=1)


def test_keys_differ_by_what_they_do_and_fit_paypals_limit() -> None:
    keys = [
        domain.create_key(ID),
        domain.create_key(ID, 1),
        domain.create_key(ID, 2),
        domain.capture_key(ID, 0),
        domain.capture_key(ID, 1),
    ]
    assert keys == [str(ID), f"{ID}:1", f"{ID}:2", f"{ID}:capture", f"{ID}:capture:1"]
    assert max(map(len, keys)) <= 108


def test_queries_come_often_at_first() -> None:
    assert domain.CHECK_GAPS_S[:8] == (5, 10, 15, 30, 60, 120, 240, 480)
    assert set(domain.CHECK_GAPS_S[9:]) == {900}
    assert sum(domain.CHECK_GAPS_S) >= 24 * 60 * 60


@pytest.mark.parametrize(
    ("checks", "age", "pace", "delay_s"),
    [
        (0, timedelta(0), "payment", 5),
        (0, None, "payment", 5),
        (1, timedelta(0), "slow", 10),
        (500, timedelta(hours=23), "payment", 900),
        (500, DAY - timedelta(seconds=1), "payment", 900),
        (500, DAY, "payment", None),
        (500, None, "payment", None),
        (500, DAY, "slow", 21_600),
        (500, 45 * DAY - timedelta(seconds=1), "slow", 21_600),
        (500, 45 * DAY, "slow", None),
        (500, None, "slow", None),
        (0, 90 * DAY, "payment", 5),  # after a long pause of ours it is queried all the same
    ],
)
def test_time_alone_ends_queries_and_never_a_payment(checks, age, pace, delay_s) -> None:
    found = domain.check_delay(checks, age, pace, speed=ONE)
    assert found == (None if delay_s is None else timedelta(seconds=delay_s))


@given(st.integers(0, 300), st.integers(0, 60 * 86_400), st.sampled_from([1, 8, 40]))
def test_a_faster_twin_shortens_every_wait(checks: int, age_s: int, speed: int) -> None:
    for pace in ("payment", "slow"):
        slow = domain.check_delay(checks, timedelta(seconds=age_s), pace, speed=ONE)
        fast = domain.check_delay(
            checks, timedelta(seconds=age_s) / speed, pace, speed=Decimal(speed)
        )
        if slow is None or fast is None:
            assert slow is fast
        else:
            assert abs(fast * speed - slow) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (timedelta(0), timedelta(hours=1)),
        (timedelta(hours=1), timedelta(hours=23)),
        (timedelta(days=2), timedelta(days=1)),
        (timedelta(days=29), timedelta(days=1)),
        (timedelta(days=30), None),
        (timedelta(days=31), None),
    ],
)
def test_a_completed_refund_is_read_for_a_month(age, wait) -> None:
    assert domain.watch_delay(domain.WATCH_REFUND_S, age, speed=ONE) == wait
