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
    """A payment to price; the price is stored as a quote."""

    type: PaymentType
    """The kind of payment."""
    method: MethodName
    """The payment method."""
    amount: AmountText
    """The amount at the provider, as decimal text."""
    currency: CurrencyCode
    """ISO 4217 code in capital letters."""
    country: CountryCode | None = None
    """ISO 3166 code of the payer's country; decides between rails of one currency."""


class QuoteQuery(Query):
    """A payment to price."""

    type: PaymentType
    """The kind of payment."""
    method: MethodName
    """The payment method."""
    amount: AmountText
    """The amount at the provider, as decimal text."""
    currency: CurrencyCode
    """ISO 4217 code in capital letters."""
    country: CountryCode | None = None
    """ISO 3166 code of the payer's country; decides between rails of one currency."""
