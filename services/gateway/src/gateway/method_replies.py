"""Saved methods as they go out over HTTP, field by field; nothing else is shown."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.replies import CardOut, FailureOut, Out, PhoneOut
from gateway.schemas import SavedMethodStatus


class _SavedOut(Out):
    """What all saved methods have."""

    id: UUID
    method: str
    customer_id: str
    status: SavedMethodStatus
    """`active`: usable. `requires_action`: the customer must take a step first."""
    verified: bool
    """True once its owner has proved that it is theirs."""
    verification: str
    """How it becomes verified, or when it was."""
    livemode: bool
    created_at: AwareDatetime


class SavedPhoneOut(_SavedOut, PhoneOut):
    """A saved phone."""


class SetupOut(Out):
    """What the customer's client needs to enter the card at the provider."""

    client_secret: str
    """For this customer's client only: never log it, never put it into an address."""
    publishable_key: str | None


class SavedCardOut(_SavedOut, CardOut):
    """A saved card."""

    setup: SetupOut | None
    next_action: dict[str, str] | None
    failure: FailureOut | None


SavedMethodOut = Annotated[SavedPhoneOut | SavedCardOut, Field(discriminator="kind")]
"""A saved method."""


class SavedMethodsOut(Out):
    """A page of saved methods."""

    data: list[SavedMethodOut]
    next_cursor: str | None
