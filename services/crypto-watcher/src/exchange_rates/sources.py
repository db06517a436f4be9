"""The sources that are known: where each has prices, and how to read one; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exchange_rates import wire


@dataclass(frozen=True, slots=True)
class Source:
    """A market with a public API."""

    name: str
    path: Callable[[str], str]
    """Where it has the price of a currency in US dollars."""
    price: Callable[[Any, str], Decimal]
    """The price of the currency in its answer; raises `AnswerUnusable`."""


SOURCES: Mapping[str, Source] = {
    "coinbase": Source("coinbase", wire.coinbase_path, wire.coinbase_price),
    "kraken": Source("kraken", wire.kraken_path, wire.kraken_price),
}
