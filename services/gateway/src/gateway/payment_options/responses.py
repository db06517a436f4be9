"""Response bodies of payment options."""

from pydantic import AwareDatetime, Field

from gateway.http.fields import PaymentType
from gateway.http.responses import CurrencyShown, MethodShown, Out, RailShown


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
    currency: CurrencyShown
    """ISO 4217 code of every amount here."""
    limits: AmountLimitsOut
    """Between which amounts one payment may be."""
    fee: str | None = Field(examples=["25.00"])
    """Our fee for the given amount, as decimal text; null without an amount."""
    expected_seconds: int = Field(examples=[30])
    """How long such a payment usually takes, in seconds; no promise."""
    available: bool
    """True when the provider can be reached now and, for withdrawals, there is enough to pay out. A
    payment is accepted in either case, but for withdrawals with the reason `float_low`."""
    unavailable_reason: str | None = Field(examples=["provider_unavailable"])
    """Why it is not available; null when it is. Words may be added."""
    since: AwareDatetime | None
    """Since when `available` and `unavailable_reason` are as they are, as far as is known; null
    when it is not known."""
    reported_at: AwareDatetime | None
    """When a worker last reported about the provider; null when none ever did."""


class PaymentOptionsOut(Out):
    """The ways to pay that fit."""

    data: list[PaymentOptionOut]
    """The options by rail and currency, in alphabetical order; empty when nothing fits."""
