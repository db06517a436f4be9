"""Request bodies and query parameters of quotes."""

from cift_shared.rails.instruments import CountryCode
from gateway.http.fields import (
    AmountText,
    CurrencyCode,
    MethodName,
    PaymentType,
)
from gateway.http.query import Query
from gateway.http.requests import Body


class QuoteIn(Body):
    """What to price, and to keep the price of."""

    type: PaymentType
    """The kind of payment."""
    method: MethodName
    """The payment method."""
    amount: AmountText
    """What the provider would move, as decimal text."""
    currency: CurrencyCode
    """ISO 4217 code in capital letters."""
    country: CountryCode | None = None
    """ISO 3166 code of the payer's country; decides between rails of one currency."""


class QuoteQuery(Query):
    """What to price."""

    type: PaymentType
    """The kind of payment."""
    method: MethodName
    """The payment method."""
    amount: AmountText
    """What the provider would move, as decimal text."""
    currency: CurrencyCode
    """ISO 4217 code in capital letters."""
    country: CountryCode | None = None
    """ISO 3166 code of the payer's country; decides between rails of one currency."""
