"""Response bodies of payments: the payment, its list and its timeline."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cift_shared.rails.registry import example_rail
from gateway.http.responses import (
    AmountShown,
    CurrencyShown,
    CustomerShown,
    ItemOut,
    MethodShown,
    Out,
    PageOut,
    ProviderNameShown,
    ProviderShown,
    RailShown,
)
from gateway.payment_methods.responses import FailureOut, NextAction, PaymentMethodOut
from gateway.payments.statuses import AnyPaymentType, PaymentStatus
from gateway.problems.responses import ProblemOut


class PaymentOut(Out):
    """A payment: a deposit, a withdrawal or a refund."""

    id: UUID
    """Our id of the payment."""
    type: AnyPaymentType
    """Money in, money out, or a refund of an earlier deposit."""
    method: MethodShown
    """The payment method."""
    rail: RailShown
    """The rail that carries the payment."""
    provider: ProviderShown | None
    """The provider behind the rail; null when the rail was removed."""
    provider_name: ProviderNameShown | None
    """The provider's name for people; null when the rail was removed."""
    status: PaymentStatus
    """The current status of the payment."""
    amount: AmountShown
    """The amount at the provider, as decimal text."""
    requested_amount: str | None = Field(examples=[None])
    """The amount that you requested, if the payment was completed with another; otherwise null."""
    currency: CurrencyShown
    """ISO 4217 code of every amount of the payment."""
    customer_id: CustomerShown
    """Your own id of the customer."""
    fee: str = Field(examples=["25.00"])
    """Our fee; for a refund, the part of the deposit's fee that is given back."""
    net: str = Field(examples=["975.00"])
    """The amount credited to (deposit) or debited from (withdrawal, refund) the balance."""
    payment_method: PaymentMethodOut | None
    """The instrument, masked; null when its rail was removed."""
    next_action: NextAction | None
    """What the payer must do now, by its `type`; null when there is nothing to do."""
    provider_reference: str | None = Field(examples=[example_rail().example.reference])
    """The provider's receipt; null before completion."""
    failure: FailureOut | None
    """Why the payment failed; null unless it did."""
    estimated_arrival: AwareDatetime | None
    """The usual arrival time; not guaranteed."""
    description: str | None = Field(examples=["Top up"])
    """Your own note."""
    return_url: str | None = Field(examples=["https://shop.example/paid"])
    """Address to which the payer's browser returns from the provider's page."""
    metadata: dict[str, str] = Field(examples=[{"order_id": "1001"}])
    """Your own names and values."""
    refunded: str = Field(examples=["0.00"])
    """The total of completed refunds; pending refunds are not included."""
    reversed: str = Field(examples=["0.00"])
    """The amount that the provider reversed after the completion and has not reinstated."""
    disputed: str = Field(examples=["0.00"])
    """The amount that the payer's bank currently withholds because of disputes."""
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


class PaymentItemOut(ItemOut):
    """What became of one payment of a batch."""

    body: PaymentOut | None
    """The payment; null for a refusal."""
    problem: ProblemOut | None = Field(examples=[None])
    """The refusal; null for a payment that was accepted."""


class PaymentBatchOut(Out):
    """What became of each payment of a batch."""

    items: list[PaymentItemOut]
    """One for each item, in their order."""


class TimelineItemOut(Out):
    """One step of a payment, with its evidence."""

    at: AwareDatetime
    """When it happened."""
    kind: Literal["event", "evidence", "posting", "hold", "pricing"]
    """The kind of step."""
    name: str = Field(examples=["settled"])
    """What happened."""
    detail: dict[str, Any] = Field(examples=[{"merchant_request_id": "29115-34620561-1"}])
    """Details of the step; the fields depend on `kind` and `name`."""


class TimelineOut(Out):
    """All steps of a payment, oldest first."""

    payment_id: UUID
    """The payment."""
    status: PaymentStatus
    """The current status of the payment."""
    next_check_at: AwareDatetime | None
    """When the provider is queried next; null if it is not."""
    items: list[TimelineItemOut]
    """The steps, oldest first."""
