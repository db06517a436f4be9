"""Decimal places of every currency, written down once more from the public lists."""

from decimal import Decimal

import pytest

from cift_shared.money.amount import EXPONENTS, Money, parse_money

# ISO 4217 list one (SIX Financial Information), column "minor unit"; satoshi and wei for coins;
# `decimals()` of their contracts on the Ethereum main network for tokens.
PLACES = [
    (
        2,
        (
            "AED AUD BRL CAD CHF CNY CZK DKK EGP ETB EUR GBP GHS HKD HUF ILS INR KES MAD MUR MXN "
            "MYR NGN NOK NZD PHP PLN QAR RON SAR SEK SGD THB TRY TWD TZS USD ZAR ZMW"
        ),
    ),
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (3, "BHD JOD KWD OMR TND"),
    (8, "BTC"),
    (18, "ETH"),
    (6, "USDC USDT"),
]
EACH = [(code, places) for places, codes in PLACES for code in codes.split()]


def test_no_currency_is_missing_or_more() -> None:
    assert dict(EACH) == EXPONENTS


@pytest.mark.parametrize(("code", "places"), EACH)
def test_one_unit_is_as_many_minor_units(code: str, places: int) -> None:
    assert parse_money("1", code) == Money(10**places, code)
    smallest = Money(1, code)
    assert Decimal(smallest.text) == Decimal(1).scaleb(-places)
    assert parse_money(smallest.text, code) == smallest


@pytest.mark.parametrize(
    ("minor", "text"),
    [(0, "0.00"), (1, "0.01"), (-1, "-0.01"), (99, "0.99"), (100, "1.00"), (-12_345, "-123.45")],
)
def test_an_amount_is_shown_with_all_its_places(minor: int, text: str) -> None:
    assert Money(minor, "KES").text == text


@pytest.mark.parametrize(("minor", "text"), [(0, "0"), (7, "7"), (-7, "-7"), (10, "10")])
def test_an_amount_without_places_is_shown_without(minor: int, text: str) -> None:
    assert Money(minor, "JPY").text == text
