"""Response bodies of saved methods, and of the instruments that payments show."""

from collections.abc import Sequence
from typing import Annotated, Any, Union
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, create_model

from cift_shared.rails.instruments import InstrumentKind, Saving
from gateway.http.responses import CustomerShown, MethodShown, Out, PageOut, RailShown
from gateway.payment_methods.kinds import kinds
from gateway.payment_methods.statuses import SavedMethodStatus


def one_of(models: Sequence[type[BaseModel]]) -> Any:
    """The type of a field that has one of these models, which differ in their `kind`."""
    if len(models) == 1:
        return models[0]
    return Annotated[Union[tuple(models)], Field(discriminator="kind")]  # noqa: UP007  not known here


NextAction = Annotated[
    dict[str, str],
    Field(examples=[{"type": "redirect_to_url", "url": "https://bank.example/3ds"}]),
]


PaymentMethodOut = one_of([kind.shows for kind in kinds().values()])
"""The instrument of a payment."""


class FailureOut(Out):
    """Why a payment failed."""

    code: str = Field(examples=["payer_balance_insufficient"])
    """Stable identifier for programs."""
    category: str = Field(examples=["declined"])
    """`declined`, `limit`, `invalid`, `provider_unavailable`, `configuration` or `canceled`."""
    message: str = Field(examples=["The payer's balance is too small."])
    """One sentence that may be shown to the customer."""
    retryable: bool
    """True when a new payment by the customer may succeed."""


class _SavedOut(Out):
    """The fields of every saved method."""

    id: UUID
    """Our id of the saved method: a payment's `payment_method.id`."""
    method: MethodShown
    """The payment method."""
    rail: RailShown
    """The rail whose payments it can be used for."""
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


class SetupOut(Out):
    """What the customer's client needs to enter the instrument at the provider."""

    client_secret: str = Field(examples=["seti_1QaBc_secret_RtYu"])
    """For this customer's client only: never log it, never put it into an address."""
    publishable_key: str | None = Field(examples=["pk_test_51AbC"])
    """The provider's key for clients."""


class _KeptAtProviderOut(_SavedOut):
    """The fields of methods that are saved at the provider."""

    setup: SetupOut | None
    """What the client needs to enter or confirm the instrument; null when there is nothing to
    enter."""
    next_action: NextAction | None
    """What the customer must do now, by its `type`; null when there is nothing to do."""
    failure: FailureOut | None
    """Why it was not saved; null unless that failed."""


def _saved_model(kind: InstrumentKind, saving: Saving) -> type[BaseModel]:
    common: type[BaseModel] = _KeptAtProviderOut if saving.at_provider else _SavedOut
    name = f"Saved{kind.shows.__name__}"
    text = f"A saved {kind.kind}."
    return create_model(name, __base__=(common, kind.shows), __module__=__name__, __doc__=text)


SAVED_MODELS = {
    name: _saved_model(kind, kind.saving) for name, kind in kinds().items() if kind.saving
}
"""The response body of a saved method, by the kind of its instrument."""
SavedMethodOut = one_of(list(SAVED_MODELS.values()))
"""A saved method."""


class SavedMethodsOut(PageOut):
    """A page of saved methods."""

    data: list[SavedMethodOut]  # type: ignore[valid-type]  # built from the rails' models
    """The saved methods, newest first."""
