"""The answers of sources, and the price in each; pure.

A price that is not plain positive decimal text is refused: no sign, no exponent, no JSON number.

Source: docs.cdp.coinbase.com (Data API, Prices), docs.kraken.com (Get Ticker Information).
"""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

_PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?")
KRAKEN_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
"""Currencies that Kraken calls otherwise."""

Text = Annotated[str, StringConstraints(strict=True, max_length=64)]


class AnswerUnusable(ValueError):
    """The answer holds no price that can be used; the message does not repeat it."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class CoinbasePrice(_Answer):
    """`GET /v2/prices/BTC-USD/spot`, the part in `data`."""

    amount: Text
    currency: Text
    base: Text | None = None


class CoinbaseAnswer(_Answer):
    """The whole answer."""

    data: CoinbasePrice


class KrakenTicker(_Answer):
    """One pair of `GET /0/public/Ticker`."""

    c: list[Text] = Field(min_length=1, max_length=10)
    """Price of the last trade, and its volume."""


class KrakenAnswer(_Answer):
    """The whole answer; each pair under Kraken's own name of it."""

    error: list[Any] = Field(max_length=0)
    result: dict[str, KrakenTicker] = Field(min_length=1, max_length=1)


def coinbase_path(currency: str) -> str:
    """Where Coinbase has the price of a currency."""
    return f"/v2/prices/{currency}-USD/spot"


def coinbase_price(document: Any, currency: str) -> Decimal:
    """The price in an answer of Coinbase.

    Raises:
        AnswerUnusable: it is no price of this currency in dollars.
    """
    found = _read(CoinbaseAnswer, document).data
    if found.currency != "USD" or found.base not in (None, currency):
        raise AnswerUnusable("the price of another pair")
    return plain(found.amount)


def kraken_path(currency: str) -> str:
    """Where Kraken has the price of a currency."""
    return f"/0/public/Ticker?pair={KRAKEN_NAMES.get(currency, currency)}USD"


def kraken_price(document: Any, currency: str) -> Decimal:
    """The price in an answer of Kraken; raises as `coinbase_price`."""
    code = KRAKEN_NAMES.get(currency, currency)
    ((pair, ticker),) = _read(KrakenAnswer, document).result.items()
    if pair not in (f"{code}USD", f"X{code}ZUSD", f"{code}ZUSD"):
        raise AnswerUnusable("the price of another pair")
    return plain(ticker.c[0])


def plain(text: str) -> Decimal:
    """Positive decimal text as a number.

    Raises:
        AnswerUnusable: it is anything else.
    """
    if not _PLAIN.fullmatch(text) or not (price := Decimal(text)):
        raise AnswerUnusable("not a positive decimal number")
    return price


def _read(kind: type[Any], document: Any) -> Any:
    try:
        return kind.model_validate(document)
    except ValidationError:
        raise AnswerUnusable("an answer of another form") from None
