"""Response bodies of saved methods, and of the instruments that payments show."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.http.responses import CustomerShown, MethodShown, Out, PageOut
from gateway.payment_methods.statuses import SavedMethodStatus

NextAction = Annotated[
    dict[str, str],
    Field(examples=[{"type": "redirect_to_url", "url": "https://bank.example/3ds"}]),
]


class PhoneOut(Out):
    """A phone, masked."""

    kind: Literal["phone"]
    """Says that this is a phone."""
    phone: str = Field(examples=["2547****678"])
    """The number with its middle hidden."""
    country: str = Field(examples=["KE"])
    """ISO 3166 alpha-2 country of the wallet."""


class CardOut(Out):
    """A card: what may be shown of it, null before the provider has told."""

    kind: Literal["card"]
    """Says that this is a card."""
    brand: str | None = Field(examples=["visa"])
    """The brand as the provider names it."""
    last4: str | None = Field(examples=["4242"])
    """The last four digits."""
    exp_month: int | None = Field(examples=[12])
    """The month in which the card expires, 1 to 12."""
    exp_year: int | None = Field(examples=[2030])
    """The year in which the card expires."""


PaymentMethodOut = Annotated[PhoneOut | CardOut, Field(discriminator="kind")]
"""The instrument of a payment."""


class FailureOut(Out):
    """Why a payment failed."""

    code: str = Field(examples=["payer_balance_insufficient"])
    """Stable word for programs."""
    category: str = Field(examples=["declined"])
    """`declined`, `limit`, `invalid`, `provider_unavailable`, `configuration` or `canceled`."""
    message: str = Field(examples=["The payer's balance is too small."])
    """One sentence that may be shown to the customer."""
    retryable: bool
    """True when a new payment by the customer may succeed."""


class _SavedOut(Out):
    """What all saved methods have."""

    id: UUID
    """Our id of the saved method: a payment's `payment_method.id`."""
    method: MethodShown
    """The payment method."""
    customer_id: CustomerShown
    """Your own id of the customer."""
    status: SavedMethodStatus
    """`active`: usable. `requires_action`: the customer must take a step first."""
    verified: bool
    """True once its owner has proved that it is theirs."""
    verification: str = Field(
        examples=["Verified by the first deposit from it that completes: its owner enters the PIN."]
    )
    """How it becomes verified, or when it was."""
    livemode: bool
    """True when it is for real money."""
    created_at: AwareDatetime
    """When it was saved."""


class SavedPhoneOut(_SavedOut, PhoneOut):
    """A saved phone."""


class SetupOut(Out):
    """What the customer's client needs to enter the card at the provider."""

    client_secret: str = Field(examples=["seti_1QaBc_secret_RtYu"])
    """For this customer's client only: never log it, never put it into an address."""
    publishable_key: str | None = Field(examples=["pk_test_51AbC"])
    """The provider's key for clients."""


class SavedCardOut(_SavedOut, CardOut):
    """A saved card."""

    setup: SetupOut | None
    """What the client needs to enter or confirm the card; null when there is nothing to enter."""
    next_action: NextAction | None
    """What the customer must do now, by its `type`; null when there is nothing to do."""
    failure: FailureOut | None
    """Why the card was not saved; null unless that failed."""


SavedMethodOut = Annotated[SavedPhoneOut | SavedCardOut, Field(discriminator="kind")]
"""A saved method."""


class SavedMethodsOut(PageOut):
    """A page of saved methods."""

    data: list[SavedMethodOut]
    """The saved methods, newest first."""
