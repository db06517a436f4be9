"""A conversion never makes money, whatever the rate, the spread and the size of the amount."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import EXPONENTS, Money
from cift_shared.money.rates import RateSheet, RateTable
from gateway.conversions.commands import exchange, requested_amount
from gateway.conversions.requests import ConversionIn

NOW = datetime(2026, 1, 1, tzinfo=UTC)
currencies = st.sampled_from(sorted(EXPONENTS.keys() - {"USD"}))
prices = st.decimals(Decimal("0.000001"), Decimal(10**6), places=6)


def rates(**one_usd_in: object) -> RateTable:
    return RateTable("test", (RateSheet(as_of=NOW, one_usd_in=one_usd_in),))


def test_the_customer_receives_the_rate_less_the_spread_rounded_down() -> None:
    deal = exchange(Money(100_00, "USD"), "KES", rates(KES="129.25"), spread_bps=50, at=NOW)
    assert (deal.market.value, deal.rate.value) == (Decimal("129.25"), Decimal("128.60375"))
    assert deal.received == Money(12_860_37, "KES")  # .5 of a cent is cut off
    assert deal.spread_bps == 50


@given(st.integers(1, 10**38 - 1), currencies, currencies, prices, prices, st.integers(0, 9_999))
def test_there_and_back_never_gains(minor, first, second, price, other_price, spread_bps) -> None:
    assume(first != second)
    table = rates(**{first: price, second: other_price})
    start = Money(minor, first)
    try:
        there = exchange(start, second, table, spread_bps=spread_bps, at=NOW)
        back = exchange(there.received, first, table, spread_bps=spread_bps, at=NOW)
    except InvalidCommand:
        return  # worth less than a minor unit, or more than 38 digits of them
    exact = there.rate.exact(start)
    assert there.received.minor <= exact < there.received.minor + 1
    assert back.received.minor <= start.minor
    assert Fraction(there.rate.value) <= Fraction(there.market.value)


@pytest.mark.parametrize(
    ("amount", "to", "code", "pointer"),
    [
        (Money(1, "KES"), "KES", "conversion_same_currency", "/to_currency"),
        (Money(1, "KES"), "EUR", "rate_unavailable", "/to_currency"),
        (Money(1, "KES"), "XYZ", "currency_unknown", "/to_currency"),
        (Money(1, "KES"), "USD", "amount_out_of_limits", "/from/amount"),  # less than a cent
        (Money(10**38 - 1, "USD"), "KES", "amount_out_of_limits", "/from/amount"),  # 41 digits
    ],
)
def test_an_exchange_that_is_refused_names_code_and_place(amount, to, code, pointer) -> None:
    with pytest.raises(InvalidCommand) as refused:
        exchange(amount, to, rates(KES="129.25"), spread_bps=50, at=NOW)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


@pytest.mark.parametrize(
    ("amount", "currency", "pointer"),
    [
        ("1.001", "KES", "/from/amount"),
        ("1", "XYZ", "/from/currency"),
        ("-1", "KES", "/from/amount"),
    ],
)
def test_the_field_at_fault_is_named(amount, currency, pointer) -> None:
    order = ConversionIn.model_validate(
        {"from": {"amount": amount, "currency": currency}, "to_currency": "USD"}
    )
    with pytest.raises(InvalidCommand) as refused:
        requested_amount(order)
    assert refused.value.pointer == pointer
