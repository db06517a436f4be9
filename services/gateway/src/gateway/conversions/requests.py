"""Request bodies of conversions."""

from pydantic import Field

from gateway.http.fields import (
    AmountText,
    CurrencyCode,
)
from gateway.http.requests import Body


class AmountIn(Body):
    """An amount in a currency."""

    amount: AmountText
    """Decimal text in the currency's major unit."""
    currency: CurrencyCode
    """ISO 4217 code in capital letters."""


class ConversionIn(Body):
    """An amount to exchange, and the currency to exchange it to."""

    given: AmountIn = Field(alias="from")
    """The amount the customer gives."""
    to_currency: CurrencyCode
    """The currency the customer receives: an ISO 4217 code in capital letters."""
