"""A live price is used while it is new and agreed; the table is never used for its currency."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import InvalidCommand, RateStale, SettingsInvalid
from cift_shared.money.live_rates import LiveRates, StoredPrice
from cift_shared.money.rates import RateSheet, RateTable
from cift_shared.settings import LiveRateSettings, load_settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHEET = RateSheet(
    as_of=NOW - timedelta(days=30), one_usd_in={"KES": "125"}, one_in_usd={"BTC": "1", "ETH": "10"}
)
AGE = timedelta(seconds=60)
usd_prices = st.decimals(Decimal("0.000001"), Decimal(10**7), places=6)


def live(*prices: StoredPrice, table: RateTable | None = None) -> LiveRates:
    rates = LiveRates(table or RateTable("table", (SHEET,)), frozenset({"BTC"}), AGE)
    rates.update(prices)
    return rates


def price(usd: str | None = "95000", *, as_of: datetime | None = NOW) -> StoredPrice:
    return StoredPrice("BTC", None if usd is None else Decimal(usd), "coinbase,kraken", as_of)


def test_a_live_price_goes_before_the_table() -> None:
    rate = live(price()).rate("BTC", "USD", NOW)
    assert (rate.value, rate.source, rate.as_of) == (Decimal(95000), "coinbase,kraken", NOW)
    assert live(price()).rate("USD", "BTC", NOW).value == Decimal("0.0000105263157894736842")


def test_the_other_currency_may_be_of_the_table() -> None:
    rate = live(price()).rate("BTC", "KES", NOW)
    assert rate.value == 95000 * 125
    assert (rate.source, rate.as_of) == ("coinbase,kraken; table", SHEET.as_of)


def test_rates_without_a_live_currency_are_those_of_the_table() -> None:
    rate = live().rate("ETH", "KES", NOW)
    assert (rate.value, rate.source) == (Decimal(1250), "table")
    assert live().rate("USD", "USD", NOW).value == 1


@pytest.mark.parametrize(
    "stored",
    [
        [],
        [price(as_of=NOW - AGE - timedelta(microseconds=1))],
        [price(as_of=NOW + AGE + timedelta(microseconds=1))],
        [price(None, as_of=None)],
    ],
    ids=["none", "old", "future", "contradictory"],
)
def test_without_a_new_price_there_is_no_rate(stored: list[StoredPrice]) -> None:
    rates = live(*stored)
    for pair in (("BTC", "USD"), ("KES", "BTC"), ("ETH", "BTC")):
        with pytest.raises(RateStale) as caught:
            rates.rate(*pair, NOW)
        assert caught.value.currency == "BTC"


def test_a_price_of_the_greatest_age_is_still_used() -> None:
    assert live(price(as_of=NOW - AGE)).rate("BTC", "USD", NOW).value == 95000


def test_a_currency_without_any_price_is_refused_for_good() -> None:
    with pytest.raises(InvalidCommand) as caught:
        live(price(), table=RateTable("none", ())).rate("BTC", "KES", NOW)
    assert caught.value.code == "rate_unavailable"


@given(usd_prices, usd_prices)
def test_no_round_trip_gains(bitcoin: Decimal, ether: Decimal) -> None:
    rates = LiveRates(RateTable("none", ()), frozenset({"BTC", "ETH"}), AGE)
    rates.update([StoredPrice("BTC", bitcoin, "a", NOW), StoredPrice("ETH", ether, "a", NOW)])
    there = Fraction(rates.rate("BTC", "ETH", NOW).value)
    assert there * Fraction(rates.rate("ETH", "BTC", NOW).value) <= 1


def test_the_currencies_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFT_RATE_CURRENCIES", "BTC, ETH")
    settings = load_settings(LiveRateSettings)
    assert settings.live_currencies == {"BTC", "ETH"}
    assert settings.rate_max_age == timedelta(seconds=60)
    for wrong in ("BTC,XXX", "USD"):
        monkeypatch.setenv("CIFT_RATE_CURRENCIES", wrong)
        with pytest.raises(SettingsInvalid, match="CIFT_RATE_CURRENCIES"):
            load_settings(LiveRateSettings)
