"""What several prices of one currency agree on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_rates.domain import Price, Rules, agreed, middle

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(timedelta(seconds=60), deviation_max_bps=100, least=1)
prices = st.decimals(Decimal("0.000001"), Decimal(10**9), places=8)


def price(usd: str, source: str = "a", *, age_s: float = 0) -> Price:
    return Price("BTC", source, Decimal(usd), NOW - timedelta(seconds=age_s))


def test_the_rate_is_halfway_between_two_and_as_old_as_the_older() -> None:
    found = agreed([price("95000.01"), price("95100", "b", age_s=20)], RULES, at=NOW)
    assert found is not None
    assert found.usd == Decimal("95050.005")
    assert (found.sources, found.as_of) == (["a", "b"], NOW - timedelta(seconds=20))


def test_one_of_three_that_lies_is_outvoted_only_within_the_limit() -> None:
    three = [price("100"), price("100.2", "b"), price("100.9", "c")]
    found = agreed(three, RULES, at=NOW)
    assert found is not None
    assert found.usd == Decimal("100.2")


def test_the_greatest_deviation_is_still_agreement() -> None:
    found = agreed([price("100"), price("101", "b")], RULES, at=NOW)
    assert found is not None
    assert (found.usd, found.deviation) == (Decimal("100.5"), Decimal("0.01"))


def test_beyond_it_there_is_no_rate() -> None:
    found = agreed([price("100"), price("101.00000001", "b")], RULES, at=NOW)
    assert found is not None
    assert (found.usd, found.as_of) == (None, None)
    assert found.deviation > Decimal("0.01")


def test_an_old_price_has_no_vote() -> None:
    found = agreed([price("100"), price("200", "b", age_s=60.001)], RULES, at=NOW)
    assert found is not None
    assert (found.usd, found.sources) == (Decimal(100), ["a"])
    oldest = agreed([price("100", age_s=60)], RULES, at=NOW)
    assert oldest is not None
    assert (oldest.usd, oldest.deviation) == (Decimal(100), Decimal(0))
    assert agreed([price("100", age_s=60.001)], RULES, at=NOW) is None
    assert agreed([price("100", age_s=-60.001)], RULES, at=NOW) is None
    assert agreed([], RULES, at=NOW) is None


def test_as_many_sources_as_are_asked_for() -> None:
    strict = Rules(RULES.max_age, RULES.deviation_max_bps, least=2)
    assert agreed([price("100")], strict, at=NOW) is None
    assert agreed([price("100"), price("100", "b")], strict, at=NOW) is not None


@given(st.lists(prices, min_size=1, max_size=5))
def test_the_middle_is_never_outside_of_the_prices(found: list[Decimal]) -> None:
    ordered = sorted(found)
    # rounded down to the digits of a rate: at most one part in 10^17 below
    assert Fraction(ordered[0]) * (1 - Fraction(1, 10**17)) <= Fraction(middle(ordered))
    assert middle(ordered) <= ordered[-1]


@pytest.mark.parametrize(("given", "expected"), [(["1"], "1"), (["1", "2", "9"], "2")])
def test_the_middle_of_an_odd_number_is_one_of_them(given: list[str], expected: str) -> None:
    assert middle([Decimal(one) for one in given]) == Decimal(expected)
