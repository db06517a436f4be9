"""Query parameters of the list of disputes."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from gateway.http.fields import (
    CustomerId,
)
from gateway.http.query import PageQuery, ProviderReference


class DisputesQuery(PageQuery):
    """Which disputes to list, newest first."""

    status: (
        Annotated[
            str, StringConstraints(pattern=r"^[a-z_]{1,64}$"), Field(examples=["needs_response"])
        ]
        | None
    ) = None
    """The provider's status of the dispute."""
    payment_id: UUID | None = None
    """Disputes of this deposit."""
    customer_id: CustomerId | None = None
    """Disputes of this customer's deposits."""
    provider_reference: ProviderReference | None = None
    """Disputes of the deposit with exactly this reference of the provider."""
