"""Deposits that are priced in dollars and paid in the coin of a chain."""

from datetime import datetime, timedelta
from decimal import Decimal

from cift_shared.messaging.exchange import ExchangeRate, LockedExchange
from cift_shared.money.amount import Money
from cift_shared.money.exchange import to_pay
from cift_shared.money.rates import Rate

LOCKED_FOR = timedelta(minutes=15)
SOURCE = "coinbase,kraken"


def locked(
    cents: int, coin: str, usd: str, *, at: datetime, lasts: timedelta = LOCKED_FOR
) -> LockedExchange:
    """What a payer was quoted for an amount in dollars, at a price of the coin."""
    rate = Rate(coin, "USD", Decimal(usd), SOURCE, at)
    amount = to_pay(Money(cents, "USD"), rate)
    return LockedExchange(amount=amount, rate=ExchangeRate.of(rate), expires_at=at + lasts)
