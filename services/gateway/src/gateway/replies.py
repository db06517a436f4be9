"""What goes out over HTTP, field by field; nothing else is shown."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.schemas import PaymentStatus, PaymentType


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PaymentMethodOut(_Out):
    """The instrument of a payment, masked."""

    kind: Literal["phone"]
    phone: str
    country: str


class FailureOut(_Out):
    """Why a payment failed."""

    code: str
    category: str
    message: str
    retryable: bool


class PaymentOut(_Out):
    """A payment: a deposit, a withdrawal or a refund."""

    id: UUID
    type: Literal["deposit", "withdrawal", "refund"]
    method: str
    status: PaymentStatus
    amount: str
    currency: str
    customer_id: str
    fee: str
    """Our fee; for a refund, the part of the deposit's fee that is given back."""
    net: str
    """What the customer's balance gains (deposit) or loses (withdrawal, refund)."""
    payment_method: PaymentMethodOut
    next_action: dict[str, str] | None
    provider_reference: str | None
    failure: FailureOut | None
    estimated_arrival: AwareDatetime | None
    description: str | None
    return_url: str | None
    metadata: dict[str, str]
    refunded: str
    """What was given back so far, refunds under way not counted."""
    parent: UUID | None
    """The refunded deposit, for a refund."""
    livemode: bool
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class PaymentsOut(_Out):
    """A page of payments."""

    data: list[PaymentOut]
    next_cursor: str | None


class SavedMethodOut(_Out):
    """A saved method, masked."""

    id: UUID
    method: str
    kind: Literal["phone"]
    customer_id: str
    phone: str
    country: str
    verified: bool
    """True once a deposit from this phone was confirmed by its owner."""
    verification: str
    """How it becomes verified, or when it was."""
    livemode: bool
    created_at: AwareDatetime


class SavedMethodsOut(_Out):
    """A page of saved methods."""

    data: list[SavedMethodOut]
    next_cursor: str | None


class QuoteOut(_Out):
    """What a payment would cost now."""

    type: PaymentType
    method: str
    amount: str
    currency: str
    fee: str
    net: str
    """What the customer's balance would gain or lose."""
    estimated_arrival: AwareDatetime


class BalanceOut(_Out):
    """One currency of a customer: available = posted - held."""

    currency: str
    posted: str
    held: str
    available: str


class BalancesOut(_Out):
    """A customer's balances."""

    customer_id: str
    livemode: bool
    balances: list[BalanceOut]


class EntryOut(_Out):
    """One line of a statement, in the customer's view: credits are positive."""

    id: int
    transaction_id: str
    payment_id: UUID | None
    kind: str
    currency: str
    amount: str
    balance_after: str
    booked_at: AwareDatetime


class StatementOut(_Out):
    """A page of a customer's statement."""

    customer_id: str
    livemode: bool
    as_of: AwareDatetime
    """Pass it back with the next pages: new entries don't move them."""
    data: list[EntryOut]
    next_cursor: str | None


class TimelineItemOut(_Out):
    """One step of a payment's life, with its evidence."""

    at: AwareDatetime
    kind: Literal["event", "evidence", "posting", "hold"]
    name: str
    detail: dict[str, Any]


class TimelineOut(_Out):
    """Everything that is known about a payment, oldest first."""

    payment_id: UUID
    status: PaymentStatus
    next_check_at: AwareDatetime | None
    """When the provider is asked again, if it is."""
    items: list[TimelineItemOut]


class FieldErrorOut(BaseModel):
    """A field at fault: a JSON Pointer into the body, or a parameter."""

    model_config = ConfigDict(populate_by_name=True)

    code: str
    detail: str | None = None
    pointer: str | None = None
    place: str | None = Field(default=None, alias="in")
    parameter: str | None = None


class ProblemOut(BaseModel):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    retryable: bool
    errors: list[FieldErrorOut] | None = None
