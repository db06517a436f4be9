"""Rates that markets change every second, over a rate table that names the other currencies.

A process of its own reads the prices and stores them; this module only judges what is stored: a
price that is older than the limit is never used, for no quote and for no credit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from cift_shared.errors import RateStale
from cift_shared.money.rates import Rate, RateTable, Worth, decimal_down, rate_unavailable


@dataclass(frozen=True, slots=True)
class StoredPrice:
    """The price of a currency as the reader of rates has stored it."""

    currency: str
    usd: Decimal | None
    """US dollars for one whole unit; None: the sources contradict each other."""
    sources: str
    """The sources that it was made of, comma separated."""
    as_of: datetime | None
    """When the oldest of them was read."""


@dataclass(slots=True, eq=False)
class LiveRates:
    """Rates of a few currencies from stored prices, and of all others from a table."""

    table: RateTable
    currencies: frozenset[str]
    """The currencies with live prices: the table is never used for them."""
    max_age: timedelta
    _prices: Mapping[str, StoredPrice] = field(default_factory=dict)

    def update(self, prices: Iterable[StoredPrice]) -> None:
        """Use these prices from now on."""
        self._prices = {one.currency: one for one in prices}

    def rate(self, from_currency: str, to_currency: str, at: datetime) -> Rate:
        """The rate in force at a moment.

        Raises:
            InvalidCommand: rate_unavailable, no rate for this pair in the table.
            RateStale: the live price of one of them is too old, or its sources contradict each
                other; it may be known again at any moment.
        """
        if not self.currencies & {from_currency, to_currency}:
            return self.table.rate(from_currency, to_currency, at)
        given, wanted = self._worth(from_currency, at), self._worth(to_currency, at)
        if given is None or wanted is None:
            raise rate_unavailable(from_currency, to_currency)
        known = [one for one in (given, wanted) if one.as_of is not None]
        return Rate(
            from_currency,
            to_currency,
            decimal_down(given.usd / wanted.usd),
            "; ".join(dict.fromkeys(one.source for one in known)),
            min(one.as_of for one in known if one.as_of is not None),
        )

    def _worth(self, currency: str, at: datetime) -> Worth | None:
        if currency not in self.currencies:
            return self.table.worth(currency, at)
        price = self._prices.get(currency)
        if price is None or price.usd is None or price.as_of is None:
            raise RateStale(currency)
        if abs(at - price.as_of) > self.max_age:  # also far in the future: a clock is wrong
            raise RateStale(currency)
        return Worth(Fraction(price.usd), price.sources, price.as_of)
