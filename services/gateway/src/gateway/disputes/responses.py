"""Response bodies of disputes."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.http.responses import MethodShown, Out, PageOut, RailShown


class DisputeOut(Out):
    """A payer's dispute of a deposit, as last reported by the provider."""

    id: str = Field(examples=["du_1QaBcDeF"])
    """The provider's id of the dispute."""
    payment_id: UUID
    """The deposit that is disputed."""
    method: MethodShown
    """The payment method of the deposit."""
    rail: RailShown
    """The rail whose provider reported the dispute."""
    status: str = Field(examples=["needs_response"])
    """The provider's status of the dispute."""
    reason: str = Field(examples=["fraudulent"])
    """The provider's code for the payer's reason."""
    amount: str = Field(examples=["20.00"])
    """The disputed amount."""
    currency: str = Field(examples=["USD"])
    """ISO 4217 code of `amount`."""
    withdrawn: str = Field(examples=["20.00"])
    """The amount withdrawn from us so far, in `money_currency`."""
    reinstated: str = Field(examples=["0.00"])
    """The amount given back to us so far, in `money_currency`."""
    money_currency: str = Field(examples=["USD"])
    """Differs from `currency` if the provider settles in another one."""
    fee: str = Field(examples=["15.00"])
    """The provider's fee minus what it gave back, in `fee_currency`."""
    fee_currency: str = Field(examples=["USD"])
    """ISO 4217 code of `fee`."""
    evidence_due_by: AwareDatetime | None
    """Until when the provider accepts evidence."""
    outcome: Literal["won", "lost", "canceled"] | None
    """The outcome; null while the dispute is open."""
    opened_at: AwareDatetime
    """When the dispute was opened."""
    updated_at: AwareDatetime
    """When the provider last reported a change."""


class DisputesOut(PageOut):
    """A page of disputes."""

    data: list[DisputeOut]
    """The disputes, newest first."""
