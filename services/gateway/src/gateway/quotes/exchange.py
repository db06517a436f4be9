"""The terms of a deposit that is priced in one currency and paid in another; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cift_shared.messaging.exchange import ExchangeRate, LockedExchange
from cift_shared.money.amount import Money, parse_money
from cift_shared.money.exchange import to_pay
from cift_shared.money.fees import Direction
from cift_shared.money.rates import RateSource
from cift_shared.rails.rail import Rail


@dataclass(frozen=True, slots=True)
class ExchangeTerms:
    """At which rates deposits are priced, and how long a rate is locked."""

    rates: RateSource
    lock: timedelta

    def locked(
        self, rail: Rail, direction: Direction, amount: Money, *, at: datetime
    ) -> LockedExchange | None:
        """What the payer must pay for an amount; None where that is the amount itself.

        Raises:
            InvalidCommand: no rate, or the rail can't move so much or so little.
            RateStale: the rate is not known now.
        """
        paid_in = rail.exchanged.get(amount.currency)
        if paid_in is None or direction != "deposit":
            return None
        rate = self.rates.rate(paid_in, amount.currency, at)
        asked = to_pay(amount, rate)
        rail.check_amount(asked, direction)
        return LockedExchange(amount=asked, rate=ExchangeRate.of(rate), expires_at=at + self.lock)


def exchange_terms(exchange: LockedExchange) -> dict[str, Any]:
    """The terms as they are stored with a price; the ledger reads `currency`."""
    return {
        "currency": exchange.amount.currency,
        "amount": exchange.amount.text,
        "rate": exchange.rate.model_dump(mode="json"),
        "expires_at": exchange.expires_at.isoformat(),
    }


def stored_exchange(pricing: Mapping[str, Any]) -> LockedExchange | None:
    """The terms of a stored price; None where there are none."""
    found = pricing.get("exchange")
    if found is None:
        return None
    amount = parse_money(found["amount"], found["currency"])
    return LockedExchange.model_validate({**found, "amount": amount})
