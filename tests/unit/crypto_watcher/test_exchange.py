"""What arrivals are credited with, if their deposit is priced in another currency."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bitcoin_watcher.domain import Output
from chain_watch.exchange import at_current_rate, current_rate, exchange
from cift_shared.money.amount import Money
from cift_shared.money.live_rates import LiveRates, StoredPrice
from cift_shared.money.rates import Rate, RateTable
from tests.support.exchanges import locked

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATE = NOON + timedelta(minutes=16)
QUOTED = Money(50_00, "USD")
TERMS = locked(50_00, "BTC", "95000", at=NOON)
NOW = Rate("BTC", "USD", Decimal(90_000), "test", LATE)


def output(satoshi: int, seen: datetime = NOON, *, vout: int = 0) -> Output:
    return Output(txid="ab" * 32, vout=vout, satoshi=satoshi, first_seen_at=seen)


def test_shares_follow_the_order_in_which_arrivals_were_seen() -> None:
    late, first = output(100_000, LATE, vout=0), output(52_632, vout=1)
    found = exchange([late, first], TERMS, QUOTED, NOW)
    assert found is not None
    assert [(one.arrival, one.amount.minor) for one in found.credits] == [
        (first, 50_00), (late, 90_00),
    ]  # fmt: skip
    assert found.amount == Money(140_00, "USD")
    assert found.exchanged.amount == Money(152_632, "BTC")
    assert [part.amount.minor for part in found.exchanged.parts] == [52_632, 100_000]
    assert [part.rate.value for part in found.exchanged.parts] == ["95000", "90000"]
    assert [part.at_most for part in found.exchanged.parts] == [QUOTED, None]


def test_without_a_needed_rate_nothing_is_credited() -> None:
    assert exchange([output(52_632)], TERMS, QUOTED, None) is not None
    assert exchange([output(52_633)], TERMS, QUOTED, None) is None


def test_an_arrival_without_a_deposit_has_the_current_rate() -> None:
    amount, exchanged = at_current_rate(output(100_001), NOW)
    assert amount == Money(90_00, "USD")
    assert exchanged.amount == Money(100_001, "BTC")
    assert exchanged.parts[0].at_most is None


@pytest.mark.parametrize(("at", "known"), [(LATE, True), (LATE + timedelta(seconds=61), False)])
def test_the_current_rate_is_a_new_one(at: datetime, known: bool) -> None:
    rates = LiveRates(RateTable("none", ()), frozenset({"BTC"}), timedelta(seconds=60))
    assert current_rate(rates, "BTC", "USD", at) is None
    rates.update([StoredPrice("BTC", Decimal(90_000), "test", LATE)])
    assert (current_rate(rates, "BTC", "USD", at) is not None) is known
    assert current_rate(rates, "BTC", "KES", LATE) is None
    assert current_rate(None, "BTC", "USD", LATE) is None
