"""What the payer of a deposit in another currency is quoted."""

from datetime import UTC, datetime, timedelta

import pytest

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import Money
from cift_shared.money.rates import RateSheet, RateTable
from cift_shared.rails.registry import rails
from gateway.quotes.exchange import ExchangeTerms, exchange_terms, stored_exchange

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SHEET = RateSheet(as_of=NOON, one_in_usd={"BTC": "95000", "ETH": "3150"})
TERMS = ExchangeTerms(RateTable("test", (SHEET,)), timedelta(minutes=15))
FIFTY = Money(50_00, "USD")


def test_the_amount_to_pay_is_rounded_up_and_the_rate_is_locked() -> None:
    found = TERMS.locked(rails()["bitcoin"], "deposit", FIFTY, at=NOON)
    assert found is not None
    assert (found.amount.text, found.amount.currency) == ("0.00052632", "BTC")
    assert (found.rate.value, found.rate.source, found.rate.as_of) == ("95000", "test", NOON)
    assert found.expires_at == NOON + timedelta(minutes=15)
    ether = TERMS.locked(rails()["ethereum"], "deposit", FIFTY, at=NOON)
    assert ether is not None
    assert ether.amount == Money(15_873_015_873_015_874, "ETH")


@pytest.mark.parametrize(
    ("rail", "direction", "amount"),
    [
        ("bitcoin", "deposit", Money(10**6, "BTC")),
        ("bitcoin", "withdrawal", FIFTY),
        ("paypal", "deposit", FIFTY),
    ],
)
def test_other_payments_are_paid_as_they_are(rail: str, direction, amount: Money) -> None:
    assert TERMS.locked(rails()[rail], direction, amount, at=NOON) is None


def test_what_the_rail_can_not_move_is_refused() -> None:
    expensive = RateSheet(as_of=NOON, one_in_usd={"BTC": "1000000"})
    terms = ExchangeTerms(RateTable("test", (expensive,)), timedelta(minutes=15))
    with pytest.raises(InvalidCommand) as caught:
        terms.locked(rails()["bitcoin"], "deposit", Money(50, "USD"), at=NOON)
    assert caught.value.code == "amount_out_of_limits"


def test_stored_terms_are_read_again() -> None:
    found = TERMS.locked(rails()["bitcoin"], "deposit", FIFTY, at=NOON)
    assert found is not None
    terms = exchange_terms(found)
    assert terms == {
        "currency": "BTC",
        "amount": "0.00052632",
        "rate": {"value": "95000", "source": "test", "as_of": "2026-01-01T12:00:00Z"},
        "expires_at": "2026-01-01T12:15:00+00:00",
    }
    assert stored_exchange({"exchange": terms}) == found
    assert stored_exchange({"rule": "r"}) is None
