"""Request bodies of conversions."""

from typing import Annotated

from pydantic import Field, SkipValidation

from gateway.http.batches import ITEMS_MAX, IdempotencyKey
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

    items: Annotated[
        list[SkipValidation[ConversionItemIn]], Field(min_length=1, max_length=ITEMS_MAX)
    ]
    """The conversions."""
