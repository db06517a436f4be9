"""When Stripe is asked again, and the keys under which it is asked."""

from datetime import timedelta
from decimal import Decimal
from itertools import accumulate
from uuid import UUID

import pytest

from card_worker import domain
from cift_shared.attempts.polling_schedule import gaps_s, sped_up
from cift_shared.ids import AttemptId

ONE = Decimal(1)
DAY = timedelta(days=1)
ATTEMPT = UUID("01234567-89ab-cdef-0123-456789abcdef")


def test_keys_are_those_of_earlier_releases() -> None:
    """A request that is repeated after an upgrade must meet the key it was sent with."""
    key = f"{ATTEMPT}-create-0"
    assert domain.idempotency_key(AttemptId(ATTEMPT), "create") == key
    assert domain.idempotency_key(AttemptId(ATTEMPT), "confirm", 2) == f"{ATTEMPT}-confirm-2"
    assert domain.ATTEMPT_NAME == "cift_attempt"


def test_the_version_is_the_librarys() -> None:
    import stripe

    assert stripe.api_version == domain.API_VERSION


@pytest.mark.parametrize(
    ("metadata", "found"),
    [(str(ATTEMPT), ATTEMPT), ("", None), ("x", None), (None, None), (1, None)],
)
def test_the_attempt_in_metadata(metadata: object, found: UUID | None) -> None:
    assert domain.attempt_in(metadata) == found


def test_dense_at_first_then_each_quarter_of_an_hour() -> None:
    moments = list(accumulate(domain.CHECK_GAPS_S))
    assert moments[:9] == [5, 15, 30, 60, 120, 240, 480, 960, 1860]
    assert set(domain.CHECK_GAPS_S[8:]) == {900}
    assert moments[-2] < 86_400 <= moments[-1]


def test_each_question_has_its_gap_and_speed_divides_it() -> None:
    for checks, gap in enumerate(domain.CHECK_GAPS_S):
        for kind in ("payment", "refund"):
            delay = domain.check_delay(checks, 99 * DAY, kind, speed=Decimal(4))
            assert delay == timedelta(seconds=gap) / 4


@pytest.mark.parametrize(
    ("kind", "age", "delay"),
    [
        ("payment", None, None),
        ("payment", timedelta(0), timedelta(minutes=15)),
        ("payment", DAY - timedelta(microseconds=1), timedelta(minutes=15)),
        ("payment", DAY, None),
        ("refund", None, None),
        ("refund", DAY, timedelta(hours=6)),
        ("refund", 30 * DAY - timedelta(microseconds=1), timedelta(hours=6)),
        ("refund", 30 * DAY, None),
    ],
)
def test_after_the_schedule_people_look_in_time(kind, age, delay) -> None:
    asked = len(domain.CHECK_GAPS_S)
    assert domain.check_delay(asked, age, kind, speed=ONE) == delay


def test_the_end_of_the_asking_comes_as_much_sooner() -> None:
    asked, speed = len(domain.CHECK_GAPS_S), Decimal(24)
    assert domain.check_delay(asked, timedelta(hours=1), "payment", speed=speed) is None
    almost = timedelta(minutes=59)
    assert domain.check_delay(asked, almost, "payment", speed=speed) == timedelta(seconds=37.5)


HOURS = timedelta(hours=1)


@pytest.mark.parametrize(
    ("moments", "looks"),
    [
        (domain.WATCH_FOR_FEE_S, [HOURS / 4, HOURS, 6 * HOURS, DAY, 3 * DAY]),
        (domain.WATCH_DEPOSIT_S, [DAY, 30 * DAY, 120 * DAY]),
        (domain.WATCH_REFUND_S, [HOURS, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY]),
    ],
)
def test_what_is_settled_is_looked_at_at_these_moments(moments, looks) -> None:
    age, seen = timedelta(0), []
    while (delay := domain.watch_delay(moments, age, speed=ONE)) is not None:
        age += delay
        seen.append(age)
    assert seen == looks


def test_a_watch_goes_as_much_faster() -> None:
    assert domain.watch_delay([100, 200], timedelta(seconds=10), speed=Decimal(10)) == timedelta(
        seconds=10
    )
    assert domain.watch_delay([100, 200], timedelta(seconds=20), speed=Decimal(10)) is None


@pytest.mark.parametrize(
    ("moments", "gap_max_s", "until_s", "gaps"),
    [
        ((5,), 5, 5, (5,)),
        ((5,), 5, 6, (5, 5)),
        ((5,), 10, 10, (5, 5, 10)),
        ((10,), 15, 60, (10, 10, 15, 15, 15)),
        ((1, 3), 4, 9, (1, 2, 3, 4)),
        ((1, 3), 4, 10, (1, 2, 3, 4)),
        ((1, 3), 4, 11, (1, 2, 3, 4, 4)),
    ],
)
def test_gaps_double_until_they_are_even(moments, gap_max_s, until_s, gaps) -> None:
    assert gaps_s(moments, gap_max_s=gap_max_s, until_s=until_s) == gaps


def test_a_delay_is_exact_to_the_microsecond() -> None:
    assert sped_up(10, Decimal(3)) == timedelta(microseconds=3_333_333)
    assert sped_up(1, Decimal(1)) == timedelta(seconds=1)
