"""Request bodies of conversions."""

from pydantic import Field

from gateway.http.batches import IdempotencyKey, Items
from gateway.http.fields import AmountText, CurrencyCode, CustomerId
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


class ConversionItemIn(ConversionIn):
    """A conversion of a batch."""

    customer_id: CustomerId
    """Your own id of the customer."""
    idempotency_key: IdempotencyKey
    """As the header `Idempotency-Key` of a single request: new for each conversion, the same for
    each retry."""


class ConversionBatchIn(Body):
    """Conversions to carry out, each as if it came alone."""

    items: Items[ConversionItemIn]
    """The conversions."""
