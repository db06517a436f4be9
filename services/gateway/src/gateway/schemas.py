"""What comes in and what goes out over HTTP, field by field; nothing else is accepted or shown."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from cift_shared.methods import METHODS

CUSTOMER_ID = r"^[A-Za-z0-9_.:-]{1,64}$"
PaymentType = Literal["deposit", "withdrawal"]
PaymentStatus = Literal[
    "pending",
    "processing",
    "requires_action",
    "completed",
    "failed",
    "expired",
    "canceled",
    "in_review",
]
FINAL_STATUSES = frozenset({"completed", "failed", "expired", "canceled"})

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _built_method(name: str) -> str:
    if name not in METHODS:
        raise PydanticCustomError(
            "method_unavailable", "Available: {names}.", {"names": ", ".join(METHODS)}
        )
    return name


def _safe_return_url(text: str) -> str:
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        host = None
    fits = host is not None and text.isascii() and text.isprintable() and " " not in text
    if not fits or "@" in url.netloc or "\\" in text:
        raise _return_url_invalid()
    if url.scheme != "https" and not (url.scheme == "http" and host in _LOOPBACK):
        raise _return_url_invalid()
    return text


def _return_url_invalid() -> PydanticCustomError:
    return PydanticCustomError(
        "return_url_invalid", "An https address without a user (http on this machine only)."
    )


CustomerId = Annotated[str, StringConstraints(pattern=CUSTOMER_ID)]
MethodName = Annotated[str, StringConstraints(max_length=32), AfterValidator(_built_method)]
AmountText = Annotated[
    str,
    Field(
        max_length=64,
        description='Decimal text, "100.00".',
        json_schema_extra={"pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"},
    ),
]
CurrencyCode = Annotated[str, StringConstraints(max_length=8)]
ReturnUrl = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_safe_return_url)]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40)],
        Annotated[str, StringConstraints(max_length=500)],
    ],
    Field(max_length=50),
]
PhoneText = Annotated[str, StringConstraints(min_length=9, max_length=32)]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class _In(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PaymentMethodIn(_In):
    """Where the money comes from or goes to: a phone, or the id of a saved method."""

    phone: PhoneText | None = None
    """07.., 01.., +254.., 254.. or the nine digits; with `country`."""
    country: CountryCode = "KE"
    """ISO 3166 alpha-2 country of the wallet."""
    id: Annotated[UUID, Field(strict=False)] | None = None
    """A saved method, instead of a phone."""


class PaymentIn(_In):
    """A deposit or a withdrawal."""

    type: PaymentType
    method: MethodName
    amount: AmountText
    currency: CurrencyCode
    customer_id: CustomerId
    payment_method: PaymentMethodIn
    return_url: ReturnUrl | None = None
    description: Annotated[str, StringConstraints(max_length=255)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class RefundIn(_In):
    """A refund of a deposit; all that is left of it without an amount."""

    amount: AmountText | None = None
    description: Annotated[str, StringConstraints(max_length=255)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class SavedMethodIn(_In):
    """A phone to keep for a customer."""

    method: MethodName
    customer_id: CustomerId
    phone: PhoneText
    country: CountryCode = "KE"


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Page(_Query):
    limit: int = Field(default=20, ge=1, le=100)
    """Rows on a page."""
    after: str | None = Field(default=None, max_length=200)
    """`next_cursor` of the page before."""


class PaymentsQuery(_Page):
    """Which payments to list, newest first."""

    customer_id: CustomerId | None = None
    status: PaymentStatus | None = None
    method: MethodName | None = None
    type: Literal["deposit", "withdrawal", "refund"] | None = None
    created_after: AwareDatetime | None = None
    created_before: AwareDatetime | None = None


class SavedMethodsQuery(_Page):
    """Whose saved methods to list, newest first."""

    customer_id: CustomerId | None = None


class StatementQuery(_Page):
    """Which entries of a customer's accounts to list, newest first."""

    currency: CurrencyCode | None = None
    as_of: AwareDatetime | None = None
    """Nothing booked later than this."""


class QuoteQuery(_Query):
    """What to price."""

    type: PaymentType
    method: MethodName
    amount: AmountText
    currency: CurrencyCode


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
