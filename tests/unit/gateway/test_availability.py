"""Whether a rail is available: what counts, for how long, and what a wrong clock can do."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction
from gateway.payment_options.availability import (
    ESTIMATE_VALID,
    FLOAT_LOW,
    FRESH,
    LAG_MAX,
    NETWORK_FEE_UNKNOWN,
    NOT_REPORTING,
    Availability,
    Report,
    availability_of,
    blocked,
    low_floats,
    newest_estimate,
)

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)


def report(
    *,
    ago: timedelta = timedelta(0),
    reason: str | None = None,
    since: timedelta | None = None,
    low: Sequence[str] = (),
    fees: Sequence[NetworkFee] = (),
) -> Report:
    seen = NOW - ago
    return Report(
        rail="mpesa",
        available=reason is None,
        reason=reason,
        reported_at=seen - MOMENT,
        seen_at=seen,
        float_low=low,
        network_fees=fees,
        since=NOW - since if since is not None else seen,
    )


def test_the_words_that_clients_read_stay() -> None:
    words = (NOT_REPORTING, FLOAT_LOW, NETWORK_FEE_UNKNOWN)
    assert words == ("not_reporting", "float_low", "network_fee_unknown")
    assert timedelta(seconds=30) == LAG_MAX


def test_nobody_has_ever_reported() -> None:
    assert availability_of([], now=NOW) == Availability(False, NOT_REPORTING, None, None)


def test_a_report_counts_for_fifteen_seconds() -> None:
    assert timedelta(seconds=15) == FRESH
    assert availability_of([report(ago=FRESH)], now=NOW).available
    late = availability_of([report(ago=FRESH + MOMENT)], now=NOW)
    assert (late.available, late.reason) == (False, NOT_REPORTING)
    assert late.since == NOW - FRESH - MOMENT


def test_one_process_that_can_use_the_provider_is_enough() -> None:
    away = report(reason="provider_unavailable", since=timedelta(minutes=1))
    up = report(ago=timedelta(seconds=3), since=timedelta(hours=2))
    longer_up = report(ago=timedelta(seconds=9), since=timedelta(hours=3))
    found = availability_of([away, up, longer_up], now=NOW)
    assert found == Availability(True, None, NOW - timedelta(hours=3), NOW - MOMENT)


def test_a_silent_process_does_not_make_a_rail_available() -> None:
    away = report(reason="provider_unavailable", since=timedelta(minutes=1))
    gone = report(ago=timedelta(seconds=16), since=timedelta(hours=2))
    found = availability_of([gone, away], now=NOW)
    assert (found.available, found.reason) == (False, "provider_unavailable")
    assert found.since == NOW - timedelta(minutes=1)


def test_it_is_away_since_the_last_process_lost_it() -> None:
    first = report(reason="provider_unavailable", since=timedelta(minutes=9))
    last = report(reason="credentials_refused", since=timedelta(minutes=2))
    found = availability_of([first, last], now=NOW)
    assert (found.reason, found.since) == ("credentials_refused", NOW - timedelta(minutes=2))


def test_a_gateway_whose_clock_is_ahead_does_not_keep_a_rail_alive() -> None:
    """The row was written by another gateway: from here it is in the future."""
    assert availability_of([report(ago=-FRESH)], now=NOW).available
    assert not availability_of([report(ago=-FRESH - MOMENT)], now=NOW).available


def test_one_process_that_looks_is_enough_to_say_that_a_float_is_low() -> None:
    reports = [report(low=["KES"]), report(), report(low=["UGX", "KES"])]
    assert low_floats(reports, now=NOW) == {"KES", "UGX"}


def test_a_low_float_counts_as_long_as_its_report() -> None:
    assert low_floats([report(low=["KES"], ago=FRESH)], now=NOW) == {"KES"}
    assert low_floats([report(low=["KES"], ago=FRESH + MOMENT)], now=NOW) == frozenset()


def test_a_reason_of_its_own_makes_only_an_available_rail_unavailable() -> None:
    able, away = availability_of([report()], now=NOW), availability_of([], now=NOW)
    assert blocked(able, None) is able
    low = blocked(able, FLOAT_LOW)
    assert (low.available, low.reason, low.since) == (False, FLOAT_LOW, None)
    assert blocked(away, FLOAT_LOW) is away


def estimate(
    minor: int, *, ago: timedelta = timedelta(0), kind: Direction = "deposit", currency: str = "BTC"
) -> NetworkFee:
    fee = Money(minor, "BTC")
    return NetworkFee(type=kind, currency=currency, fee=fee, estimated_at=NOW - ago)


def found(*reports: Report) -> int | None:
    newest = newest_estimate(reports, "deposit", "BTC", now=NOW)
    return newest.fee.minor if newest else None


def test_the_newest_estimate_of_any_process_counts() -> None:
    first = report(fees=[estimate(5, ago=timedelta(seconds=20))])
    second = report(fees=[estimate(7, ago=timedelta(seconds=10))])
    assert found(first, second, report()) == found(second, first) == 7


def test_an_estimate_is_for_one_kind_of_payment_in_one_currency() -> None:
    others = [estimate(5, kind="withdrawal"), estimate(6, currency="ETH")]
    assert found(report(fees=others)) is None
    assert found(report(fees=[*others, estimate(7)])) == 7


def test_an_estimate_counts_for_a_minute_whether_its_process_lives_or_not() -> None:
    assert timedelta(seconds=60) == ESTIMATE_VALID
    for ago in (timedelta(0), timedelta(hours=1)):
        assert found(report(ago=ago, fees=[estimate(7, ago=ESTIMATE_VALID)])) == 7
        assert found(report(ago=ago, fees=[estimate(7, ago=ESTIMATE_VALID + MOMENT)])) is None
    assert found(report(fees=[estimate(7, ago=-ESTIMATE_VALID - MOMENT)])) is None
