"""Response bodies of payments: the payment, its list and its timeline."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cift_shared.rails.registry import example_rail
from gateway.http.responses import (
    AmountShown,
    CurrencyShown,
    CustomerShown,
    MethodShown,
    Out,
    PageOut,
)
from gateway.payment_methods.responses import FailureOut, NextAction, PaymentMethodOut
from gateway.payments.statuses import AnyPaymentType, PaymentStatus


class PaymentOut(Out):
    """A payment: a deposit, a withdrawal or a refund."""

    id: UUID
    """Our id of the payment."""
    type: AnyPaymentType
    """Whether money comes in, goes out, or goes back."""
    method: MethodShown
    """The payment method."""
    status: PaymentStatus
    """Where the payment stands now."""
    amount: AmountShown
    """What the provider moves, as decimal text."""
    currency: CurrencyShown
    """ISO 4217 code of every amount of the payment."""
    customer_id: CustomerShown
    """Your own id of the customer."""
    fee: str = Field(examples=["25.00"])
    """Our fee; for a refund, the part of the deposit's fee that is given back."""
    net: str = Field(examples=["975.00"])
    """What the customer's balance gains (deposit) or loses (withdrawal, refund)."""
    payment_method: PaymentMethodOut
    """The instrument, as far as it may be shown."""
    next_action: NextAction | None
    """What the payer must do now, by its `type`; null when there is nothing to do."""
    provider_reference: str | None = Field(examples=[example_rail().example.reference])
    """The provider's receipt; null before completion."""
    failure: FailureOut | None
    """Why the payment failed; null unless it did."""
    estimated_arrival: AwareDatetime | None
    """When the money usually arrives; no promise."""
    description: str | None = Field(examples=["Top up"])
    """Your own note."""
    return_url: str | None = Field(examples=["https://shop.example/paid"])
    """Where the payer's browser goes after a step at the provider's page."""
    metadata: dict[str, str] = Field(examples=[{"order_id": "1001"}])
    """Your own names and values."""
    refunded: str = Field(examples=["0.00"])
    """What was given back so far, refunds under way not counted."""
    reversed: str = Field(examples=["0.00"])
    """What went back at the provider after the payment was completed."""
    disputed: str = Field(examples=["0.00"])
    """What the payer's bank has taken back so far because of disputes."""
    parent: UUID | None
    """The refunded deposit, for a refund."""
    livemode: bool
    """True when real money moves."""
    version: int = Field(examples=[4])
    """Counts the changes of the payment from 1."""
    created_at: AwareDatetime
    """When the payment was accepted."""
    updated_at: AwareDatetime
    """When the payment changed last."""


class PaymentsOut(PageOut):
    """A page of payments."""

    data: list[PaymentOut]
    """The payments, newest first."""


class TimelineItemOut(Out):
    """One step of a payment's life, with its evidence."""

    at: AwareDatetime
    """When it happened."""
    kind: Literal["event", "evidence", "posting", "hold", "pricing"]
    """What sort of step it is."""
    name: str = Field(examples=["settled"])
    """What happened."""
    detail: dict[str, Any] = Field(examples=[{"merchant_request_id": "29115-34620561-1"}])
    """What is known about the step; the fields depend on `kind` and `name`."""


class TimelineOut(Out):
    """Everything that is known about a payment, oldest first."""

    payment_id: UUID
    """The payment."""
    status: PaymentStatus
    """Where the payment stands now."""
    next_check_at: AwareDatetime | None
    """When the provider is asked again, if it is."""
    items: list[TimelineItemOut]
    """The steps, oldest first."""
