from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import EXPONENTS, Money, WireMoney, parse_money

currencies = st.sampled_from(sorted(EXPONENTS))
minors = st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1)


class Holder(BaseModel):
    amount: WireMoney


@given(minors.filter(lambda minor: minor > 0), currencies)
def test_text_is_read_back_exactly(minor: int, currency: str) -> None:
    assert parse_money(Money(minor, currency).text, currency) == Money(minor, currency)


@given(minors, currencies)
def test_the_wire_is_read_back_exactly(minor: int, currency: str) -> None:
    holder = Holder(amount=Money(minor, currency))
    assert Holder.model_validate_json(holder.model_dump_json()) == holder


@given(st.integers(0, 10**30), st.lists(st.integers(0, 1000), min_size=1, max_size=8))
def test_allocation_loses_nothing(minor: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        with pytest.raises(ValueError, match="positive"):
            Money(minor, "KES").allocate(weights)
        return
    parts = Money(minor, "KES").allocate(weights)
    assert sum(part.minor for part in parts) == minor
    for part, weight in zip(parts, weights, strict=True):
        assert part.minor >= minor * weight // sum(weights)


@pytest.mark.parametrize(
    "text",
    [
        "0", "0.00", "-1", "-0", "+1", "1e3", "1,000", "NaN", "Infinity", "", " 1", "1 ", "01",
        "1.", ".5", "1.001", "1.5.0", "١٠", "10\n", "9" * 37, "9" * 400, None, 1, 1.5, True, [], {},
        Decimal(1),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: object) -> None:
    with pytest.raises(InvalidCommand) as caught:
        parse_money(text, "KES")
    assert caught.value.pointer == "/amount"


@pytest.mark.parametrize("currency", ["kes", "XXX", "USDT ", "КES", "", None, 1])
def test_unknown_currencies_are_refused(currency: object) -> None:
    with pytest.raises(InvalidCommand) as caught:
        parse_money("1", currency)
    assert caught.value.pointer == "/currency"


def test_a_currency_without_decimals_takes_none() -> None:
    assert parse_money("1500", "UGX").minor == 1500
    with pytest.raises(InvalidCommand):
        parse_money("1500.0", "UGX")


def test_an_amount_of_wei_beyond_64_bits_is_read() -> None:
    assert parse_money("9.223372036854775808", "ETH").minor == 2**63


@pytest.mark.parametrize("minor", [1.0, "1", True, None, Decimal(1)])
def test_only_integers_are_minor_units(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "KES")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="don't add"):
        Money(1, "KES") + Money(1, "USD")
    with pytest.raises(ValueError, match="don't add"):
        assert Money(1, "KES") < Money(1, "USD")


@pytest.mark.parametrize(("minor", "expected"), [(100_00, 2_50), (1_00, 3), (1_20, 3), (1_19, 3)])
def test_a_share_rounds_half_up(minor: int, expected: int) -> None:
    assert Money(minor, "KES").share(Decimal("0.025")).minor == expected


@pytest.mark.parametrize(
    "wire",
    [
        {"minor": 1, "currency": "KES"}, {"minor": "1.0", "currency": "KES"},
        {"minor": "01", "currency": "KES"}, {"minor": "1"}, {"minor": "1", "currency": "XXX"},
        {"minor": "1", "currency": "KES", "more": 1}, "1 KES", 1, None,
        {"minor": "9" * 39, "currency": "KES"},
    ],
)  # fmt: skip
def test_strange_wire_money_is_refused(wire: object) -> None:
    with pytest.raises(ValidationError):
        Holder.model_validate({"amount": wire})


MOST = 10**38 - 1


def test_38_digits_are_the_most() -> None:
    for minor in (MOST, -MOST):
        assert Money(minor, "KES").minor == minor
    for minor in (MOST + 1, -MOST - 1):
        with pytest.raises(ValueError, match="38 digits"):
            Money(minor, "KES")
    text = "9" * 36 + ".99"
    assert parse_money(text, "KES").minor == MOST
    with pytest.raises(InvalidCommand):
        parse_money("1" + text, "KES")


@pytest.mark.parametrize("currency", [["KES"], {"KES": 1}, ("KES",), 1, None])
def test_a_currency_that_is_no_text_is_refused_as_any_other(currency: object) -> None:
    with pytest.raises(InvalidCommand) as refused:
        parse_money("1", currency)
    assert (refused.value.code, refused.value.pointer) == ("currency_unknown", "/currency")
    with pytest.raises(ValidationError, match="not a supported currency"):
        Holder.model_validate({"amount": {"minor": "1", "currency": currency}})


@pytest.mark.parametrize("currency", ["XXX", "kes", ""])
def test_money_in_no_currency_is_not_made(currency: str) -> None:
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, currency)


def test_the_pointer_is_the_callers_and_the_code_says_what_is_wrong() -> None:
    for text in ("0", "x", "1.001", "9" * 40):
        with pytest.raises(InvalidCommand) as refused:
            parse_money(text, "KES", pointer="/fee")
        assert (refused.value.code, refused.value.pointer) == ("amount_invalid", "/fee")


@pytest.mark.parametrize(
    ("left", "right", "less", "at_most"),
    [(1, 2, True, True), (2, 2, False, True), (3, 2, False, False)],
)
def test_amounts_are_ordered(left: int, right: int, less: bool, at_most: bool) -> None:
    one, other = Money(left, "KES"), Money(right, "KES")
    assert (one < other, one <= other) == (less, at_most)


def test_amounts_add_and_subtract_in_one_currency() -> None:
    assert Money(5, "KES") + Money(3, "KES") == Money(8, "KES")
    assert Money(5, "KES") - Money(7, "KES") == Money(-2, "KES")
    with pytest.raises(ValueError, match="don't add"):
        Money(1, "KES") - Money(1, "USD")
    with pytest.raises(ValueError, match="don't add"):
        assert Money(1, "KES") <= Money(1, "USD")


@pytest.mark.parametrize(
    ("minor", "rate", "share"),
    [
        (100, "0.5", 50), (99, "0.5", 50), (-99, "0.5", -50), (101, "0.005", 1), (99, "0.005", 0),
        (0, "0.5", 0), (3, "1", 3), (3, "1.5", 5), (-3, "1.5", -5), (7, "-0.5", -4), (1, "0", 0),
    ],
)  # fmt: skip
def test_half_a_unit_of_a_share_goes_away_from_zero(minor: int, rate: str, share: int) -> None:
    assert Money(minor, "KES").share(Decimal(rate)) == Money(share, "KES")


def test_a_share_of_wei_is_exact() -> None:
    assert Money(10**37 + 1, "ETH").share(Decimal("0.1")).minor == 10**36


@pytest.mark.parametrize(
    ("minor", "weights", "parts"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (11, [1, 1, 1], [4, 4, 3]),
        (10, [0, 1], [0, 10]),
        (1, [0, 0, 3], [0, 0, 1]),
        (7, [5], [7]),
        (0, [1, 2], [0, 0]),
        (100, [70, 30], [70, 30]),
    ],
)
def test_parts_by_weights(minor: int, weights: list[int], parts: list[int]) -> None:
    assert [part.minor for part in Money(minor, "KES").allocate(weights)] == parts


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [2, -1], [-1, 2], [-1, -1]])
def test_weights_that_say_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights must be positive"):
        Money(10, "KES").allocate(weights)


@pytest.mark.parametrize(
    ("currency", "instead"),
    [
        ("kes", "write currency codes in capital letters: KES"),
        ("Usd", "write currency codes in capital letters: USD"),
        ("XXX", "send an ISO 4217 code in capital letters, for example KES or USD"),
        (404, "send an ISO 4217 code in capital letters, for example KES or USD"),
    ],
)
def test_a_refused_currency_says_what_to_send(currency: object, instead: str) -> None:
    with pytest.raises(InvalidCommand, match=instead):
        parse_money("1", currency)
