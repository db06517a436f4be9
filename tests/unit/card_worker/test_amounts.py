"""Amounts on their way to Stripe and back: never a factor of ten wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_method.rail import RAIL
from card_worker import amounts
from card_worker.amounts import from_stripe, to_stripe
from cift_shared.money.amount import EXPONENTS, Money
from provider_sandbox.stripe import money as twin

CURRENCIES = sorted(RAIL.currencies)


@given(currency=st.sampled_from(CURRENCIES), data=st.data())
def test_every_amount_the_method_takes_comes_back_as_it_went(currency, data) -> None:
    limits, step = RAIL.limits[currency]["deposit"], RAIL.steps.get(currency, 1)
    low, high = -(-limits.min_minor // step), limits.max_minor // step
    amount = Money(data.draw(st.integers(low, high)) * step, currency)
    sent = to_stripe(amount)
    assert len(str(sent)) <= amounts.DIGITS_MAX
    assert from_stripe(sent, currency.lower()) == amount


@pytest.mark.parametrize(
    ("minor", "currency", "sent"),
    [
        (20_00, "USD", 2000),
        (500_00, "KES", 50000),
        (5, "UGX", 500),
        (350, "ISK", 35000),
        (500, "JPY", 500),
        (1000, "RWF", 1000),
        (5_120, "KWD", 5120),
        (175_00, "HUF", 17500),
    ],
)
def test_amounts_travel_by_stripes_table(minor, currency, sent) -> None:
    assert to_stripe(Money(minor, currency)) == sent
    assert from_stripe(sent, currency) == Money(minor, currency)


def test_a_currency_that_we_count_finer_than_it_travels_gains_no_power_of_ten() -> None:
    """None of the method's is: the rule must hold for a currency that Stripe may add."""
    assert EXPONENTS["BTC"] == 8
    assert from_stripe(25, "btc") == Money(25_000_000, "BTC")
    assert to_stripe(Money(25_000_000, "BTC")) == 25
    with pytest.raises(ValueError, match="Stripe does not accept"):
        to_stripe(Money(25_000_001, "BTC"))


@pytest.mark.parametrize(
    ("minor", "currency"),
    [(5_125, "BHD"), (0, "USD"), (-1, "USD"), (100_000_000, "USD"), (1_000_000, "UGX")],
)
def test_what_stripe_would_refuse_is_not_sent(minor, currency) -> None:
    with pytest.raises(ValueError, match="Stripe"):
        to_stripe(Money(minor, currency))


@pytest.mark.parametrize(("sent", "currency"), [(550, "ugx"), (1, "isk"), (1, "xyz"), (1, "")])
def test_what_our_money_can_t_hold_is_refused(sent, currency) -> None:
    with pytest.raises(ValueError, match="Stripe's answer has"):
        from_stripe(sent, currency)


def test_the_tables_name_no_currency_twice() -> None:
    assert not amounts.ZERO_DECIMAL & amounts.THREE_DECIMAL
    assert not amounts.SENT_BY_HUNDREDS & amounts.ZERO_DECIMAL
    for currency in amounts.SENT_BY_HUNDREDS:
        assert EXPONENTS[currency] == 0


# docs.stripe.com/currencies: "Zero-decimal currencies", "Three-decimal currencies"; UGX and ISK are
# sent with two decimals that are zero ("Special cases"). All others have two.
ZERO_WORDS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
ZERO_DECIMAL = ZERO_WORDS.split()
THREE_DECIMAL = ["BHD", "JOD", "KWD", "OMR", "TND"]
LISTED = {**dict.fromkeys(ZERO_DECIMAL, 0), **dict.fromkeys(THREE_DECIMAL, 3)}


@pytest.mark.parametrize("currency", sorted({*CURRENCIES, "MGA"}))
def test_one_unit_of_each_currency_travels_as_stripe_counts_it(currency: str) -> None:
    """A round trip hides a wrong place on both ways: so the number that travels is looked at."""
    places = LISTED.get(currency, 2)
    assert amounts.places(currency) == places
    assert twin._places(currency.lower()) == (2 if currency in amounts.SENT_BY_HUNDREDS else places)
    if currency in EXPONENTS:
        one = Money(10 ** EXPONENTS[currency], currency)
        assert to_stripe(one) == 10**places
        assert from_stripe(10**places, currency.lower()) == one


def test_the_tables_are_stripes() -> None:
    assert sorted(ZERO_DECIMAL) == sorted(amounts.ZERO_DECIMAL)
    assert sorted(THREE_DECIMAL) == sorted(amounts.THREE_DECIMAL)
    assert sorted(amounts.SENT_BY_HUNDREDS) == ["ISK", "UGX"]


@pytest.mark.parametrize("currency", ["USD", "JPY", "KES"])
def test_eight_digits_are_the_most(currency: str) -> None:
    assert to_stripe(Money(99_999_999, currency)) == 99_999_999
    with pytest.raises(ValueError, match="Stripe does not accept"):
        to_stripe(Money(100_000_000, currency))


@pytest.mark.parametrize("currency", ["UGX", "ISK"])
def test_eight_digits_end_sooner_where_hundreds_travel(currency: str) -> None:
    assert to_stripe(Money(999_999, currency)) == 99_999_900
    with pytest.raises(ValueError, match="Stripe does not accept"):
        to_stripe(Money(1_000_000, currency))


@pytest.mark.parametrize("minor", [1_001, 1_005, 1_009])
@pytest.mark.parametrize("currency", THREE_DECIMAL)
def test_thousandths_that_do_not_end_in_zero_are_refused(currency: str, minor: int) -> None:
    with pytest.raises(ValueError, match="end in 0"):
        to_stripe(Money(minor, currency))
    assert to_stripe(Money(1_010, currency)) == 1_010
