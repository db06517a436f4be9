"""Rates are exact, and no way round through them gains anything."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.money.amount import EXPONENTS, Money
from cift_shared.money.rates import Rate, RateSheet, RateTable, load_rates

NOW = datetime(2026, 1, 1, tzinfo=UTC)

currencies = st.sampled_from(sorted(EXPONENTS))
# from a millionth of a dollar to a million dollars for one unit, as a sheet may say it
prices = st.decimals(Decimal("0.000001"), Decimal(10**6), places=6)


def table(*, usd: dict[str, str] | None = None, **one_usd_in: str) -> RateTable:
    sheet = RateSheet(as_of=NOW, one_usd_in=one_usd_in, one_in_usd=usd or {})
    return RateTable("test", (sheet,))


def test_a_direct_rate_is_the_one_on_the_sheet() -> None:
    rate = table(KES="129.25").rate("USD", "KES", NOW)
    assert (rate.value, rate.source, rate.as_of) == (Decimal("129.25"), "test", NOW)


def test_rates_go_through_dollars_either_way() -> None:
    rates = table(KES="125", usd={"BTC": "100000"})
    assert rates.rate("KES", "USD", NOW).value == Decimal("0.008")
    assert rates.rate("BTC", "KES", NOW).value == Decimal(12_500_000)
    assert rates.rate("KES", "BTC", NOW).value == Decimal("0.00000008")
    assert rates.rate("USD", "USD", NOW).value == 1


def test_the_shipped_table_knows_every_currency() -> None:
    rates = load_rates()
    for currency in EXPONENTS:
        assert rates.rate("USD", currency, NOW).value > 0
        assert rates.rate(currency, "KES", NOW).source == "cift-static"


@pytest.mark.parametrize(
    ("from_currency", "to_currency", "at"),
    [
        ("USD", "EUR", NOW),
        ("EUR", "KES", NOW),
        ("USD", "KES", NOW - timedelta(seconds=1)),
    ],
)
def test_an_unknown_rate_is_refused(from_currency, to_currency, at) -> None:
    with pytest.raises(InvalidCommand) as caught:
        table(KES="129.25").rate(from_currency, to_currency, at)
    assert caught.value.code == "rate_unavailable"


def test_the_newest_sheet_that_is_not_from_the_future_holds() -> None:
    later = NOW + timedelta(days=1)
    sheets = [
        RateSheet(as_of=as_of, one_usd_in={"KES": value})
        for as_of, value in ((later, "130"), (NOW, "129"))
    ]
    rates = RateTable("test", tuple(sheets))
    assert rates.rate("USD", "KES", later - timedelta(microseconds=1)).value == 129
    assert rates.rate("USD", "KES", later).value == 130


@given(st.dictionaries(currencies.filter(lambda code: code != "USD"), prices, min_size=3))
def test_no_round_trip_gains(sheet: dict[str, Decimal]) -> None:
    rates = RateTable("test", (RateSheet(as_of=NOW, one_usd_in=sheet),))
    first, second, third = ["USD", *sheet][:3]
    there = Fraction(rates.rate(first, second, NOW).value)
    back = Fraction(rates.rate(second, first, NOW).value)
    around = Fraction(rates.rate(second, third, NOW).value)
    home = Fraction(rates.rate(third, first, NOW).value)
    assert there * back <= 1
    assert there * around * home <= 1


@given(
    st.integers(1, 10**38 - 1), currencies, currencies,
    st.decimals(Decimal("1e-12"), Decimal("1e12"), places=12),
)  # fmt: skip
def test_worth_is_exact_at_any_size(minor, from_currency, to_currency, value) -> None:
    worth = Rate(from_currency, to_currency, value, "test", NOW).exact(Money(minor, from_currency))
    whole_units = Fraction(minor, 10 ** EXPONENTS[from_currency]) * Fraction(value)
    assert worth == whole_units * 10 ** EXPONENTS[to_currency]


def test_prices_round_half_up() -> None:
    rate = Rate("USD", "KES", Decimal("129.25"), "test", NOW)
    assert rate.rounded(Money(30, "USD")).minor == 38_78  # 38.775
    with pytest.raises(ValueError, match="can't convert"):
        rate.rounded(Money(30, "EUR"))


@given(st.integers(0, 9_999), prices)
def test_a_margin_makes_a_rate_worse_by_just_that(basis_points: int, value: Decimal) -> None:
    rate = Rate("USD", "KES", value, "test", NOW)
    worse = Fraction(rate.worse_by(basis_points).value)
    exact = Fraction(value) * (10_000 - basis_points) / 10_000
    assert 0 < worse <= exact
    assert exact - worse < exact / 10**17


MOMENT = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"source": "x", "sheets": []},
        {"source": "x", "sheets": [{"as_of": MOMENT, "one_usd_in": {"KES": "0"}}]},
        {"source": "x", "sheets": [{"as_of": MOMENT, "one_usd_in": {"XYZ": "1"}}]},
        {"source": "x", "sheets": [{"as_of": MOMENT, "one_usd_in": {"USD": "1"}}]},
        {"source": "x", "sheets": [{"as_of": MOMENT, "one_usd_in": {"KES": "NaN"}}]},
        {"source": "x", "sheets": [{"as_of": "2026-01-01", "one_usd_in": {"KES": "1"}}]},
        {"source": "x", "sheets": [{"as_of": MOMENT, "one_usd_in": {"KES": "1"},
                                    "one_in_usd": {"KES": "1"}}]},
        {"source": "x", "sheets": 2 * [{"as_of": MOMENT}]},
    ],
)  # fmt: skip
def test_a_broken_table_stops_the_start(document, tmp_path) -> None:
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SettingsInvalid):
        load_rates(str(path))


def test_a_number_in_the_file_is_read_as_it_is_written(tmp_path) -> None:
    path = tmp_path / "rates.json"
    path.write_text('{"source": "x", "sheets": [{"as_of": "2026-01-01T00:00:00Z", '
                    '"one_usd_in": {"KES": 129.123456789012345678}}]}')  # fmt: skip
    value = load_rates(str(path)).rate("USD", "KES", NOW).value
    assert value == Decimal("129.123456789012345")  # the digits of a rate, no float between


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        ({"source": "x", "sheets": [{"as_of": MOMENT}]}, True),
        ({"source": "x" * 100, "sheets": [{"as_of": MOMENT}]}, True),
        ({"source": "", "sheets": [{"as_of": MOMENT}]}, False),
        ({"source": "x" * 101, "sheets": [{"as_of": MOMENT}]}, False),
        ({"source": "x", "sheets": [{"as_of": MOMENT}], "more": 1}, False),
        ({"source": "x", "sheets": [{"as_of": MOMENT, "more": 1}]}, False),
        ({"source": "x", "sheets": [{"as_of": MOMENT, "one_in_usd": {"USD": "1"}}]}, False),
        ({"source": "x", "sheets": [{"as_of": MOMENT, "one_in_usd": {"XYZ": "1"}}]}, False),
        ({"source": "x", "sheets": [{"as_of": MOMENT, "one_in_usd": {"KES": "-1"}}]}, False),
        ({"source": "x", "sheets": [{"as_of": MOMENT, "one_in_usd": {"KES": "Infinity"}}]}, False),
        ({"source": "x", "sheets": [{"as_of": MOMENT, "one_usd_in": {"KES": "0.5"}}]}, True),
    ],
)
def test_a_table_has_a_source_and_known_currencies(document, fits, tmp_path) -> None:
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(document))
    if fits:
        assert load_rates(str(path)).source == document["source"]
        return
    with pytest.raises(SettingsInvalid, match="rate table"):
        load_rates(str(path))


def test_a_file_that_is_not_there_stops_the_start(tmp_path) -> None:
    with pytest.raises(SettingsInvalid, match="rate table"):
        load_rates(str(tmp_path / "none.json"))


def test_a_refusal_names_pair_and_place() -> None:
    with pytest.raises(InvalidCommand, match="no exchange rate from EUR to KES") as refused:
        table(KES="129.25").rate("EUR", "KES", NOW)
    assert refused.value.pointer == "/currency"


def test_a_sheet_is_not_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RateSheet(as_of=NOW).as_of = NOW + timedelta(days=1)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("basis_points", "value"),
    [(0, "129.25"), (1, "129.237075"), (50, "128.60375"), (9_999, "0.012925")],
)
def test_a_margin_keeps_who_said_it_and_when(basis_points: int, value: str) -> None:
    rate = Rate("USD", "KES", Decimal("129.25"), "test", NOW)
    assert rate.worse_by(basis_points) == Rate("USD", "KES", Decimal(value), "test", NOW)


@pytest.mark.parametrize(
    ("minor", "value", "rounded"),
    [(1, "0.5", 1), (1, "0.49", 0), (3, "0.5", 2), (0, "5", 0), (200, "1.0025", 201)],
)
def test_half_a_minor_unit_is_rounded_up(minor: int, value: str, rounded: int) -> None:
    rate = Rate("USD", "KES", Decimal(value), "test", NOW)
    assert rate.rounded(Money(minor, "USD")) == Money(rounded, "KES")


@given(
    minor=st.integers(0, 10**24),
    price=prices,
    pair=st.lists(currencies.filter(lambda code: code != "USD"), min_size=2, max_size=2),
)
def test_rounding_up_costs_less_than_one_minor_unit(
    minor: int, price: Decimal, pair: list[str]
) -> None:
    given, wanted = pair
    rate = Rate(given, wanted, price, "test", NOW)
    amount = Money(minor, given)
    charged = rate.rounded_up(amount)
    assert charged.currency == wanted
    assert 0 <= charged.minor - rate.exact(amount) < 1
    assert charged.minor - rate.rounded(amount).minor in (0, 1)
