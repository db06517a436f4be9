"""Request bodies and query parameters of payments and refunds."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from cift_shared.rails.return_url import ReturnUrl
from gateway.http.batches import IdempotencyKey, Items
from gateway.http.fields import (
    AmountText,
    BodyId,
    CurrencyCode,
    CustomerId,
    Description,
    Metadata,
    MetadataKey,
    MetadataValue,
    MethodName,
    Moment,
    PaymentType,
)
from gateway.http.query import PageQuery, ProviderReference
from gateway.http.requests import Body
from gateway.openapi.text import DEEP
from gateway.payment_methods.requests import PaymentMethodIn
from gateway.payments.statuses import AnyPaymentType, PaymentStatus


class PaymentIn(Body):
    """A deposit or a withdrawal."""

    type: PaymentType
    """`deposit` takes money from the payer, `withdrawal` pays money out."""
    method: MethodName
    """The payment method."""
    amount: AmountText
    """The amount at the provider, as decimal text in the currency's major unit."""
    currency: CurrencyCode
    """ISO 4217 code in capital letters; the method must support it."""
    customer_id: CustomerId
    """Your own id of the customer whose balance the payment changes."""
    payment_method: PaymentMethodIn | None = None
    """The instrument, new or saved; left out where the method needs none."""
    return_url: ReturnUrl | None = None
    """Address to which the payer's browser returns from the provider's page."""
    off_session: bool = False
    """True when the customer is absent: only with a saved method that allows it."""
    description: Description | None = None
    """Your own note; shown with the payment."""
    metadata: Metadata = Field(default_factory=dict)
    """Your own names and values; lists filter by them."""
    quote_id: BodyId | None = None
    """A quote whose terms apply."""


class PaymentItemIn(PaymentIn):
    """A payment of a batch."""

    idempotency_key: IdempotencyKey
    """As the header `Idempotency-Key` of a single request: new for each payment, the same for each
    retry."""


class PaymentBatchIn(Body):
    """Payments to accept, each as if it came alone."""

    items: Items[PaymentItemIn]
    """The payments."""


class RefundIn(Body):
    """A refund of a deposit; all that is left of it without an amount."""

    amount: AmountText | None = None
    """The amount to refund, in the deposit's currency; default: all that is left."""
    description: Description | None = None
    """Your own note; shown with the refund."""
    metadata: Metadata = Field(default_factory=dict)
    """Your own names and values; lists filter by them."""


MetadataFilter = Annotated[
    dict[MetadataKey, MetadataValue],
    Field(max_length=10, examples=[{"order_id": "1001"}], json_schema_extra={DEEP: True}),
]


class PaymentsQuery(PageQuery):
    """Which payments to list, newest first."""

    customer_id: CustomerId | None = None
    """Payments of this customer."""
    status: PaymentStatus | None = None
    """Payments that have this status now."""
    method: MethodName | None = None
    """Payments by this method."""
    type: AnyPaymentType | None = None
    """Payments of this type."""
    parent: UUID | None = None
    """Refunds of this deposit."""
    provider_reference: ProviderReference | None = None
    """The payment with exactly this reference of the provider."""
    metadata: MetadataFilter = Field(default_factory=dict, json_schema_extra={DEEP: True})
    """Payments whose metadata have all of these values: `metadata[order_id]=1001`.

    A client that writes the members of an object without the object's name takes the whole name as
    the member: `{"metadata[order_id]": "1001"}`.
    """
    created_after: Moment | None = None
    """Payments made later than this."""
    created_before: Moment | None = None
    """Payments made earlier than this."""


class VerifyIn(Body):
    """A request to query the provider about a payment now."""

    provider_reference: ProviderReference | None = None
    """The provider's own reference, as on the payer's receipt. The worker verifies it at the
    provider."""
