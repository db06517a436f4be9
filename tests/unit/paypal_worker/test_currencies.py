"""Amounts as PayPal writes them: exactly the currency's decimals, and back without a loss."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import EXPONENTS, Money
from paypal_method.currencies import CURRENCIES, WHOLE_ONLY, from_text, places, step, to_text
from paypal_method.rail import RAIL
from provider_sandbox.paypal import money as twin

currencies = st.sampled_from(CURRENCIES)
units = st.integers(min_value=1, max_value=10**15)


@given(currencies, units)
def test_an_amount_survives_the_way_to_paypal_and_back(currency: str, count: int) -> None:
    amount = Money(count * step(currency), currency)
    text = to_text(amount)
    assert from_text(text, currency) == amount
    assert re.fullmatch(r"[1-9][0-9]*" if currency in WHOLE_ONLY else r"[0-9]+\.[0-9]{2}", text)
    assert len(text) <= 32


@given(currencies, st.integers(min_value=1, max_value=9_999_999))
def test_the_twin_reads_the_same_amount(currency: str, count: int) -> None:
    text = to_text(Money(count * step(currency), currency))
    assert twin.write(twin.read(text, currency), currency) == text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1, "USD", "0.01"),
        (10, "USD", "0.10"),
        (100, "EUR", "1.00"),
        (123_456, "GBP", "1234.56"),
        (1, "JPY", "1"),
        (1000, "JPY", "1000"),
        (100, "HUF", "1"),
        (250_000, "HUF", "2500"),
        (100, "TWD", "1"),
    ],
)
def test_amounts_by_hand(minor: int, currency: str, text: str) -> None:
    assert to_text(Money(minor, currency)) == text
    assert from_text(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("minor", "currency"),
    [
        (0, "USD"), (-1, "USD"), (0, "JPY"), (99, "HUF"), (150, "TWD"), (100, "KES"),
        (100, "UGX"), (100, "TZS"), (100, "RWF"), (10**37, "USD"),
    ],
)  # fmt: skip
def test_what_paypal_would_refuse_is_never_sent(minor: int, currency: str) -> None:
    with pytest.raises(ValueError, match="PayPal"):
        to_text(Money(minor, currency))


def test_the_longest_amount_has_32_characters() -> None:
    assert len(to_text(Money(10**30, "USD"))) == 32
    with pytest.raises(ValueError, match="too long"):
        to_text(Money(10**31, "USD"))


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("20.00", "USD", 2000), ("20", "USD", 2000), ("20.5", "USD", 2050), ("0.00", "USD", 0),
        ("-1.20", "USD", -120), ("100.00", "JPY", 100), ("100.0", "HUF", 10_000),
        ("20.000", "USD", 2000), ("007.00", "USD", 700), ("5", "KES", 500),
    ],
)  # fmt: skip
def test_amounts_of_answers(text: str, currency: str, minor: int) -> None:
    assert from_text(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "USD"), ("1,00", "USD"), ("1e3", "USD"), (" 1.00", "USD"), ("1.00 ", "USD"),
        ("NaN", "USD"), (".50", "USD"), ("1.", "USD"), ("+1.00", "USD"), ("--1", "USD"),
        ("20.001", "USD"), ("1.5", "JPY"), ("٣", "USD"), ("1.00", "XXX"), ("1.00", "usd"),
        ("1.00\n", "USD"), ("9" * 37, "USD"),
    ],
)  # fmt: skip
def test_an_amount_that_cant_be_read_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="PayPal's answer"):
        from_text(text, currency)


@given(st.text(max_size=40), currencies)
def test_no_text_is_read_as_another_amount(text: str, currency: str) -> None:
    try:
        found = from_text(text, currency)
    except ValueError:
        return
    assert text.isascii()
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
    scale = 10 ** EXPONENTS[currency]
    whole, _, decimals = text.lstrip("-").partition(".")
    value = int(whole) * scale + int(decimals.rstrip("0").ljust(EXPONENTS[currency], "0") or 0)
    assert abs(found.minor) == value


def test_the_table_is_that_of_the_twin() -> None:
    assert set(CURRENCIES) == twin.CURRENCIES
    assert set(WHOLE_ONLY) == twin.NO_DECIMALS
    assert sorted(CURRENCIES) == list(CURRENCIES)


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_rail_moves_what_paypal_moves(currency: str) -> None:
    least = Money(step(currency), currency)
    RAIL.check_amount(least, "deposit")
    RAIL.check_amount(least, "refund")
    assert to_text(least) == ("1" if places(currency) == 0 else "0.01")
    most = RAIL.limits[currency]["deposit"].max_minor
    RAIL.check_amount(Money(most, currency), "deposit")
    assert to_text(Money(most, currency))
    with pytest.raises(InvalidCommand) as refused:
        RAIL.check_amount(Money(most + step(currency), currency), "deposit")
    assert refused.value.code == "amount_out_of_limits"


@pytest.mark.parametrize(("currency", "dollars"), [("USD", 60_000), ("EUR", 60_000)])
def test_the_limit_is_that_of_an_account(currency: str, dollars: int) -> None:
    assert RAIL.limits[currency]["deposit"].max_minor == dollars * 100


@pytest.mark.parametrize(
    ("currency", "most"), [("JPY", 9_000_000), ("HUF", 1_800_000_000), ("PLN", 24_000_000)]
)
def test_other_currencies_have_about_the_same_limit(currency: str, most: int) -> None:
    assert RAIL.limits[currency]["deposit"].max_minor == most
    assert RAIL.limits[currency]["refund"].max_minor == most


@pytest.mark.parametrize("currency", ["KES", "UGX", "TZS", "RWF"])
def test_a_currency_that_paypal_does_not_move_is_refused_with_those_it_moves(currency: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        RAIL.check_amount(Money(100, currency), "deposit")
    assert (refused.value.code, refused.value.pointer) == ("currency_unsupported", "/currency")
    assert f"the method paypal moves {', '.join(CURRENCIES)}" == str(refused.value)


@pytest.mark.parametrize("currency", ["HUF", "TWD"])
def test_decimals_are_refused_where_paypal_has_none(currency: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        RAIL.check_amount(Money(1_50, currency), "deposit")
    assert refused.value.code == "amount_not_whole"
