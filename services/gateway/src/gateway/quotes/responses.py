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
    RailShown,
)


class QuoteOut(Out):
    """The price of a payment at this time."""

    type: PaymentType
    """The kind of payment."""
    method: MethodShown
    """The payment method."""
    rail: RailShown
    """The rail that would move the money."""
    amount: AmountShown
    """The amount at the provider, as decimal text."""
    currency: CurrencyShown
    """ISO 4217 code of every amount here."""
    fee: str = Field(examples=["25.00"])
    """Our fee."""
    network_fee: str = Field(examples=["0.00"])
    """The network's share of `fee`, as estimated now."""
    net: str = Field(examples=["975.00"])
    """The amount that would be credited to or debited from the customer's balance."""
    estimated_arrival: AwareDatetime
    """The usual arrival time; not guaranteed."""


class RateOut(Out):
    """An exchange rate."""

    from_currency: str = Field(alias="from", examples=["USD"])
    """The currency that is exchanged."""
    to_currency: str = Field(alias="to", examples=["KES"])
    """The currency it is exchanged to."""
    value: str = Field(examples=["129.25"])
    """Units of `to` for one unit of `from`."""
    source: str = Field(examples=["cift-static"])
    """The source of the rate."""
    as_of: AwareDatetime
    """The time of the rate."""


class ExchangeRateOut(Out):
    """The rate of an exchange."""

    value: str = Field(examples=["95000"])
    """Units of the quote's currency for one unit of the currency that is paid."""
    source: str = Field(examples=["coinbase,kraken"])
    """The source of the rate."""
    as_of: AwareDatetime
    """The time of the rate."""


class ExchangeOut(Out):
    """What the payer of a deposit pays in another currency."""

    amount: str = Field(examples=["0.00052632"])
    """The exact amount to pay, as decimal text, rounded up to the smallest unit."""
    currency: CurrencyShown
    """The currency that the payer pays in."""
    rate: ExchangeRateOut
    """The rate that is locked."""
    expires_at: AwareDatetime
    """What is seen later, or is more, is credited at the rate of that moment."""


class PinnedQuoteOut(Out):
    """A guaranteed price for a payment, until it expires."""

    id: UUID
    """Our id of the quote: the payment's `quote_id`."""
    type: PaymentType
    """The kind of payment it is for."""
    method: MethodShown
    """The payment method it is for."""
    rail: RailShown
    """The rail that would move the money."""
    amount: AmountShown
    """The amount it is for."""
    currency: CurrencyShown
    """ISO 4217 code of every amount here."""
    fee: str = Field(examples=["67.78"])
    """Our fee."""
    network_fee: str = Field(examples=["0.00"])
    """The network's share of `fee`, as estimated when the quote was created."""
    net: str = Field(examples=["932.22"])
    """The amount that will be credited to or debited from the customer's balance."""
    fee_bearer: Literal["customer", "merchant"]
    """Who pays the fee."""
    rate: RateOut | None
    """The rate for the fixed part of the fee, if that part is set in another currency."""
    exchange: ExchangeOut | None
    """What the payer pays, if that is another currency; otherwise null."""
    estimated_arrival: AwareDatetime
    """The usual arrival time; not guaranteed."""
    livemode: bool
    """True when it is for real money."""
    created_at: AwareDatetime
    """When the quote was made."""
    expires_at: AwareDatetime
    """The time until which payments can use it."""
