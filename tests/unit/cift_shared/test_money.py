from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from cift_shared.errors import InvalidCommand
from cift_shared.money import EXPONENTS, Money, WireMoney, parse_money

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


def test_wei_fits() -> None:
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
