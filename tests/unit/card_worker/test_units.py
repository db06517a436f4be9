"""Amounts on their way to Stripe and back: never a factor of ten wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_worker import units
from card_worker.units import from_stripe, to_stripe
from cift_shared.methods import CARD
from cift_shared.money import EXPONENTS, Money

CURRENCIES = sorted(CARD.currencies)


@given(currency=st.sampled_from(CURRENCIES), data=st.data())
def test_every_amount_the_method_takes_comes_back_as_it_went(currency, data) -> None:
    limits, step = CARD.limits[currency]["deposit"], CARD.steps.get(currency, 1)
    low, high = -(-limits.min_minor // step), limits.max_minor // step
    amount = Money(data.draw(st.integers(low, high)) * step, currency)
    sent = to_stripe(amount)
    assert len(str(sent)) <= units.DIGITS_MAX
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


@pytest.mark.parametrize(
    ("minor", "currency"),
    [(5_125, "BHD"), (0, "USD"), (-1, "USD"), (100_000_000, "USD"), (1_000_000, "UGX")],
)
def test_what_stripe_would_refuse_is_not_sent(minor, currency) -> None:
    with pytest.raises(ValueError, match="Stripe"):
        to_stripe(Money(minor, currency))


@pytest.mark.parametrize(("sent", "currency"), [(550, "ugx"), (1, "isk"), (1, "xyz"), (1, "")])
def test_what_our_money_can_t_hold_is_refused(sent, currency) -> None:
    with pytest.raises(ValueError, match="Stripe names"):
        from_stripe(sent, currency)


def test_the_tables_name_no_currency_twice() -> None:
    assert not units.ZERO_DECIMAL & units.THREE_DECIMAL
    assert not units.SENT_BY_HUNDREDS & units.ZERO_DECIMAL
    for currency in units.SENT_BY_HUNDREDS:
        assert EXPONENTS[currency] == 0
