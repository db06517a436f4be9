"""What is credited for a deposit that is paid in another currency than it is priced in."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.money.amount import Money
from cift_shared.money.exchange import Lock, Paid, credits_of, parts_of, to_pay, total_of
from cift_shared.money.rates import Rate

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
END = NOON + timedelta(minutes=15)
LATE = END + timedelta(microseconds=1)
COINS = ("BTC", "ETH", "UGX")
rates = st.decimals(Decimal("0.000001"), Decimal(10**6), places=8).filter(bool)


def rate(value: object, coin: str = "BTC") -> Rate:
    return Rate(coin, "USD", Decimal(str(value)), "test", NOON)


def lock(cents: int = 50_00, value: object = "95000", coin: str = "BTC") -> Lock:
    quoted, locked = Money(cents, "USD"), rate(value, coin)
    return Lock(to_pay(quoted, locked), quoted, locked, END)


def credited(terms: Lock, *paid: Paid, now: object = None) -> int | None:
    parts = parts_of(terms, paid, None if now is None else rate(now))
    return None if parts is None else total_of(parts, "USD").minor


def test_what_is_asked_is_rounded_up() -> None:
    assert to_pay(Money(50_00, "USD"), rate("95000")) == Money(52_632, "BTC")  # 52631.58
    assert to_pay(Money(95_00, "USD"), rate("95000")) == Money(100_000, "BTC")
    assert to_pay(Money(1, "USD"), rate("3", "ETH")) == Money(3_333_333_333_333_334, "ETH")


def test_the_asked_amount_in_time_is_credited_as_quoted() -> None:
    assert credited(lock(), Paid(52_632, NOON)) == 50_00
    assert credited(lock(), Paid(52_632, END)) == 50_00
    assert credited(lock(), Paid(52_631, NOON)) == 49_99
    assert credited(lock(), Paid(20_000, NOON), Paid(32_632, NOON)) == 50_00


def test_more_is_credited_at_the_current_rate() -> None:
    assert credited(lock(), Paid(152_632, NOON), now="90000") == 50_00 + 90_00
    assert credited(lock(), Paid(52_632, NOON), Paid(50_000, NOON), now="90000") == 95_00


def test_what_comes_late_is_credited_at_the_current_rate() -> None:
    assert credited(lock(), Paid(52_632, LATE), now="47500") == 25_00
    assert credited(lock(), Paid(26_316, NOON), Paid(26_316, LATE), now="47500") == 25_00 + 12_50


def test_without_the_current_rate_nothing_of_it_is_credited() -> None:
    assert credited(lock(), Paid(52_633, NOON)) is None
    assert credited(lock(), Paid(52_632, LATE)) is None
    assert credits_of(lock(), [Paid(52_632, NOON), Paid(1, NOON)], None) is None


@pytest.mark.parametrize("coin", COINS)
@given(st.integers(1, 10**9), rates, st.data())
def test_the_quoted_amount_is_always_reached_and_never_exceeded(
    coin: str, cents: int, value: Decimal, data: st.DataObject
) -> None:
    terms = lock(cents, value, coin)
    assert terms.rate.exact(terms.asked) >= cents
    assert terms.asked.minor == 1 or terms.rate.exact(Money(terms.asked.minor - 1, coin)) < cents
    parts = parts_of(terms, [Paid(terms.asked.minor, NOON)], None)
    assert parts is not None
    assert total_of(parts, "USD") == terms.quoted
    less = data.draw(st.integers(1, terms.asked.minor))
    fewer = parts_of(terms, [Paid(less, NOON)], None)
    assert fewer is not None
    assert total_of(fewer, "USD") <= terms.quoted


paid_ones = st.lists(
    st.builds(Paid, st.integers(1, 10**9), st.sampled_from([NOON, LATE])), min_size=1, max_size=5
)


@given(paid_ones, rates, rates)
def test_shares_add_up_and_create_no_money(paid: list[Paid], locked: Decimal, now: Decimal) -> None:
    terms, current = lock(value=locked), rate(now)
    parts, shares = parts_of(terms, paid, current), credits_of(terms, paid, current)
    assert parts is not None
    assert shares is not None
    assert len(shares) == len(paid)
    assert all(part.amount.minor > 0 for part in parts)
    total = total_of(parts, "USD")
    assert sum(one.minor for one in shares) == total.minor
    assert all(one.minor >= 0 for one in shares)
    assert sum(part.amount.minor for part in parts) == sum(one.minor for one in paid)
    worth = sum((part.rate.exact(part.amount) for part in parts), Fraction(0))
    assert total.minor <= worth
    if not any(part.at_most for part in parts):
        assert total.minor > worth - len(parts)
