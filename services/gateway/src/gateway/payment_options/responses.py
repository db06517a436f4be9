"""Response bodies of payment options."""

from pydantic import AwareDatetime, Field

from gateway.http.fields import PaymentType
from gateway.http.responses import (
    CurrencyShown,
    MethodShown,
    Out,
    ProviderNameShown,
    ProviderShown,
    RailShown,
)


class AmountLimitsOut(Out):
    """The smallest and the largest amount of one payment."""

    min: str = Field(examples=["1.00"])
    """The smallest amount, as decimal text."""
    max: str = Field(examples=["250000.00"])
    """The largest amount, as decimal text."""


class PaymentOptionOut(Out):
    """A way to pay, in one currency."""

    type: PaymentType
    """The kind of payment."""
    method: MethodShown
    """The payment method: the `method` of a payment."""
    rail: RailShown
    """The rail that moves the money."""
    provider: ProviderShown
    """The provider behind the rail."""
    provider_name: ProviderNameShown
    """The provider's name for people."""
    currency: CurrencyShown
    """ISO 4217 code of every amount here."""
    limits: AmountLimitsOut
    """The limits of the amount of one payment."""
    fee: str | None = Field(examples=["25.00"])
    """Our fee for the given amount, as decimal text; null without an amount, and when the network's
    fee is not known."""
    network_fee: str | None = Field(examples=["0.00"])
    """The network's share of `fee`, as estimated now; null when `fee` is."""
    expected_seconds: int = Field(examples=[30])
    """How long such a payment usually takes, in seconds; not guaranteed."""
    available: bool
    """True when the provider can be reached now and, for withdrawals, there is enough to pay out. A
    payment is accepted in either case, except withdrawals with the reason `float_low` and payments
    without a quote with the reason `network_fee_unknown`."""
    unavailable_reason: str | None = Field(examples=["provider_unavailable"])
    """Why it is not available; null when it is. More codes may be added."""
    since: AwareDatetime | None
    """Since when `available` and `unavailable_reason` have not changed; null when it is not
    known."""
    reported_at: AwareDatetime | None
    """When a worker last reported about the provider; null when none has."""


class PaymentOptionsOut(Out):
    """The payment options that match."""

    data: list[PaymentOptionOut]
    """The options by rail and currency, in alphabetical order; empty when none match."""
