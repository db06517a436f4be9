"""Query parameters of payment options."""

from cift_shared.rails.instruments import CountryCode
from gateway.http.fields import AmountText, CurrencyCode, PaymentType
from gateway.http.query import Query


class PaymentOptionsQuery(Query):
    """The payment to find options for; every parameter narrows the list."""

    country: CountryCode | None = None
    """Options for payers in this country, as an ISO 3166 code of two capital letters."""
    currency: CurrencyCode | None = None
    """Options that move this currency, as an ISO 4217 code in capital letters."""
    amount: AmountText | None = None
    """Options that move this amount, as decimal text; needs `currency`; then options show fees."""
    type: PaymentType = "deposit"
    """The kind of payment."""
