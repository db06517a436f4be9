"""Response bodies of disputes."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.http.responses import MethodShown, Out, PageOut


class DisputeOut(Out):
    """A payer's objection to a deposit, as the provider has told by now."""

    id: str = Field(examples=["du_1QaBcDeF"])
    """The provider's id of the dispute."""
    payment_id: UUID
    """The deposit that is disputed."""
    method: MethodShown
    """The payment method of the deposit."""
    status: str = Field(examples=["needs_response"])
    """The provider's word for where it stands."""
    reason: str = Field(examples=["fraudulent"])
    """The provider's word for why the payer objects."""
    amount: str = Field(examples=["20.00"])
    """How much the payer contests."""
    currency: str = Field(examples=["USD"])
    """ISO 4217 code of `amount`."""
    withdrawn: str = Field(examples=["20.00"])
    """What was taken back from us so far, in `money_currency`."""
    reinstated: str = Field(examples=["0.00"])
    """What was given back to us so far, in `money_currency`."""
    money_currency: str = Field(examples=["USD"])
    """Differs from `currency` where the provider settles in another one."""
    fee: str = Field(examples=["15.00"])
    """What the provider charged for it, less what it gave back, in `fee_currency`."""
    fee_currency: str = Field(examples=["USD"])
    """ISO 4217 code of `fee`."""
    evidence_due_by: AwareDatetime | None
    """Until when the provider takes evidence."""
    outcome: Literal["won", "lost", "canceled"] | None
    """How it ended; null while it is open."""
    opened_at: AwareDatetime
    """When the dispute was opened."""
    updated_at: AwareDatetime
    """When the provider told of it last."""


class DisputesOut(PageOut):
    """A page of disputes."""

    data: list[DisputeOut]
    """The disputes, newest first."""
