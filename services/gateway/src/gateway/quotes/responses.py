"""Response bodies of prices and quotes."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.http.fields import PaymentType
from gateway.http.responses import (
    AmountShown,
    CurrencyShown,
    MethodShown,
    Out,
)


class QuoteOut(Out):
    """What a payment would cost now."""

    type: PaymentType
    """The kind of payment."""
    method: MethodShown
    """The payment method."""
    amount: AmountShown
    """What the provider would move, as decimal text."""
    currency: CurrencyShown
    """ISO 4217 code of every amount here."""
    fee: str = Field(examples=["25.00"])
    """Our fee."""
    net: str = Field(examples=["975.00"])
    """What the customer's balance would gain or lose."""
    estimated_arrival: AwareDatetime
    """When the money would usually arrive; no promise."""


class RateOut(Out):
    """An exchange rate."""

    from_currency: str = Field(alias="from", examples=["USD"])
    """The currency one unit of which is exchanged."""
    to_currency: str = Field(alias="to", examples=["KES"])
    """The currency it is exchanged to."""
    value: str = Field(examples=["129.25"])
    """Units of `to` for one unit of `from`."""
    source: str = Field(examples=["cift-static"])
    """Who published the rate."""
    as_of: AwareDatetime
    """The moment the rate is of."""


class PinnedQuoteOut(Out):
    """A price that a payment can have until it expires."""

    id: UUID
    """Our id of the quote: the payment's `quote_id`."""
    type: PaymentType
    """The kind of payment it is for."""
    method: MethodShown
    """The payment method it is for."""
    amount: AmountShown
    """The amount it is for."""
    currency: CurrencyShown
    """ISO 4217 code of every amount here."""
    fee: str = Field(examples=["67.78"])
    """Our fee."""
    network_fee: str = Field(examples=["0.00"])
    """What of the fee is passed on to the network."""
    net: str = Field(examples=["932.22"])
    """What the customer's balance will gain or lose."""
    fee_bearer: Literal["customer", "merchant"]
    """Who pays the fee."""
    rate: RateOut | None
    """What the fixed part of the fee was converted at, where it is set in another currency."""
    estimated_arrival: AwareDatetime
    """When the money would usually arrive; no promise."""
    livemode: bool
    """True when it is for real money."""
    created_at: AwareDatetime
    """When the quote was made."""
    expires_at: AwareDatetime
    """Until when payments can use it."""
