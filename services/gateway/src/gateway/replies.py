"""What goes out over HTTP, field by field; nothing else is shown."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.schemas import PaymentStatus, PaymentType


class Out(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PhoneOut(Out):
    """A phone, masked."""

    kind: Literal["phone"]
    phone: str
    country: str


class CardOut(Out):
    """A card: what may be shown of it, null before the provider has told."""

    kind: Literal["card"]
    brand: str | None
    """As the provider names it: visa, mastercard."""
    last4: str | None
    exp_month: int | None
    exp_year: int | None


PaymentMethodOut = Annotated[PhoneOut | CardOut, Field(discriminator="kind")]
"""The instrument of a payment."""


class FailureOut(Out):
    """Why a payment failed."""

    code: str
    category: str
    message: str
    retryable: bool


class PaymentOut(Out):
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
    reversed: str
    """What went back at the provider after the payment was completed."""
    disputed: str
    """What the payer's bank has taken back so far because of disputes."""
    parent: UUID | None
    """The refunded deposit, for a refund."""
    livemode: bool
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class PaymentsOut(Out):
    """A page of payments."""

    data: list[PaymentOut]
    next_cursor: str | None


class QuoteOut(Out):
    """What a payment would cost now."""

    type: PaymentType
    method: str
    amount: str
    currency: str
    fee: str
    net: str
    """What the customer's balance would gain or lose."""
    estimated_arrival: AwareDatetime


class RateOut(Out):
    """An exchange rate."""

    from_currency: str = Field(alias="from")
    to_currency: str = Field(alias="to")
    value: str
    """Units of `to` for one unit of `from`."""
    source: str
    as_of: AwareDatetime


class PinnedQuoteOut(Out):
    """A price that a payment can have until it expires."""

    id: UUID
    type: PaymentType
    method: str
    amount: str
    currency: str
    fee: str
    network_fee: str
    """What of the fee is passed on to the network."""
    net: str
    """What the customer's balance will gain or lose."""
    fee_bearer: Literal["customer", "merchant"]
    rate: RateOut | None
    """What the fixed part of the fee was converted at, where it is set in another currency."""
    estimated_arrival: AwareDatetime
    livemode: bool
    created_at: AwareDatetime
    expires_at: AwareDatetime


class AmountOut(Out):
    """An amount in a currency."""

    amount: str
    currency: str


class ConversionOut(Out):
    """A customer's money, exchanged from one currency to another."""

    id: UUID
    customer_id: str
    given: AmountOut = Field(alias="from")
    received: AmountOut = Field(alias="to")
    rate: str
    """What one unit of `from` brought, before rounding down: the market's less our spread."""
    market_rate: str
    spread_bps: int
    """Our margin in hundredths of a percent."""
    rate_source: str
    rate_as_of: AwareDatetime
    transaction_id: str
    """The transaction in the customer's statement."""
    livemode: bool
    created_at: AwareDatetime


class BalanceOut(Out):
    """One currency of a customer: available = posted - held."""

    currency: str
    posted: str
    held: str
    available: str


class BalancesOut(Out):
    """A customer's balances."""

    customer_id: str
    livemode: bool
    as_of: AwareDatetime
    """What was booked until then."""
    balances: list[BalanceOut]


class EntryOut(Out):
    """One line of a statement, in the customer's view: credits are positive."""

    id: int
    transaction_id: str
    payment_id: UUID | None
    kind: str
    currency: str
    amount: str
    balance_after: str
    booked_at: AwareDatetime


class StatementOut(Out):
    """A page of a customer's statement."""

    customer_id: str
    livemode: bool
    as_of: AwareDatetime
    """Pass it back with the next pages: new entries don't move them."""
    data: list[EntryOut]
    next_cursor: str | None


class TimelineItemOut(Out):
    """One step of a payment's life, with its evidence."""

    at: AwareDatetime
    kind: Literal["event", "evidence", "posting", "hold", "pricing"]
    name: str
    detail: dict[str, Any]


class TimelineOut(Out):
    """Everything that is known about a payment, oldest first."""

    payment_id: UUID
    status: PaymentStatus
    next_check_at: AwareDatetime | None
    """When the provider is asked again, if it is."""
    items: list[TimelineItemOut]


class LedgerHeadOut(Out):
    """How far the hash chain over the journal has come."""

    hash: str
    """The newest link, 64 hexadecimal digits; the chain's genesis before the first block."""
    transactions: int
    """How many transactions the chain holds."""
    last_transaction_id: str | None
    """The newest of them."""
    sealed_at: AwareDatetime | None
    block: int


class DisputeOut(Out):
    """A payer's objection to a deposit, as the provider has told by now."""

    id: str
    """The provider's id of the dispute."""
    payment_id: UUID
    method: str
    status: str
    """The provider's word for where it stands."""
    reason: str
    amount: str
    """How much the payer contests."""
    currency: str
    withdrawn: str
    """What was taken back from us so far, in `money_currency`."""
    reinstated: str
    """What was given back to us so far, in `money_currency`."""
    money_currency: str
    """Differs from `currency` where the provider settles in another one."""
    fee: str
    """What the provider charged for it, less what it gave back, in `fee_currency`."""
    fee_currency: str
    evidence_due_by: AwareDatetime | None
    """Until when the provider takes evidence."""
    outcome: Literal["won", "lost", "canceled"] | None
    """How it ended; null while it is open."""
    opened_at: AwareDatetime
    updated_at: AwareDatetime


class DisputesOut(Out):
    """A page of disputes."""

    data: list[DisputeOut]
    next_cursor: str | None


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
