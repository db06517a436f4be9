"""What comes in over HTTP, field by field; nothing else is accepted."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
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
SavedMethodStatus = Literal["pending", "requires_action", "active", "failed"]
FINAL_STATUSES = frozenset({"completed", "failed", "expired", "canceled"})

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


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


def _written_out(value: object) -> object:
    """A bare number would be taken for seconds since 1970: `2026` for an evening of that year."""
    if isinstance(value, str) and not _DATE_AND_TIME.match(value):
        raise _moment_invalid()
    return value


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, as the database takes it.

    Raises:
        ValueError: its offset from UTC leads out of the years 1 to 9999.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def _moment_invalid() -> PydanticCustomError:
    return PydanticCustomError("moment_invalid", "Date, time and offset: 2026-01-31T12:00:00Z.")


CustomerId = Annotated[str, StringConstraints(pattern=CUSTOMER_ID)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(in_utc)]
"""A moment as RFC 3339 writes it."""
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
CardToken = Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,250}$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class _In(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PaymentMethodIn(_In):
    """Where the money comes from or goes to: a phone, a card's token, or a saved method."""

    phone: PhoneText | None = None
    """07.., 01.., +254.., 254.. or the nine digits; with `country`."""
    country: CountryCode = "KE"
    """ISO 3166 alpha-2 country of the wallet."""
    token: CardToken | None = None
    """The provider's id of a card, `pm_...`: the payer's client gets it from the provider."""
    id: Annotated[UUID, Field(strict=False)] | None = None
    """A saved method, instead of a phone or a token."""


class PaymentIn(_In):
    """A deposit or a withdrawal."""

    type: PaymentType
    method: MethodName
    amount: AmountText
    currency: CurrencyCode
    customer_id: CustomerId
    payment_method: PaymentMethodIn
    return_url: ReturnUrl | None = None
    """Where the payer's browser goes after a step at the provider's page."""
    off_session: bool = False
    """True when the customer is not there to take a step: with a saved card only."""
    description: Annotated[str, StringConstraints(max_length=255)] | None = None
    metadata: Metadata = Field(default_factory=dict)
    quote_id: Annotated[UUID, Field(strict=False)] | None = None
    """A quote whose terms apply."""


class QuoteIn(_In):
    """What to price, and to keep the price of."""

    type: PaymentType
    method: MethodName
    amount: AmountText
    currency: CurrencyCode


class AmountIn(_In):
    """An amount in a currency."""

    amount: AmountText
    currency: CurrencyCode


class ConversionIn(_In):
    """What a customer gives, and in what it is returned."""

    given: AmountIn = Field(alias="from")
    to_currency: CurrencyCode


class RefundIn(_In):
    """A refund of a deposit; all that is left of it without an amount."""

    amount: AmountText | None = None
    description: Annotated[str, StringConstraints(max_length=255)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class SavedMethodIn(_In):
    """A phone or a card to keep for a customer."""

    method: MethodName
    customer_id: CustomerId
    phone: PhoneText | None = None
    """With a method of phones."""
    country: CountryCode = "KE"
    """ISO 3166 alpha-2 country of the phone's wallet."""
    token: CardToken | None = None
    """With `card`: what the client has made of it already; without one it is entered afterwards."""
    return_url: ReturnUrl | None = None
    """With `card`: where the customer's browser goes after a step at the provider's page."""


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
    created_after: Moment | None = None
    created_before: Moment | None = None


class DisputesQuery(_Page):
    """Which disputes to list, newest first."""

    status: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")] | None = None
    """The provider's word, for example needs_response."""
    payment_id: UUID | None = None
    customer_id: CustomerId | None = None


class SavedMethodsQuery(_Page):
    """Whose saved methods to list, newest first."""

    customer_id: CustomerId | None = None


class BalancesQuery(_Query):
    """When to look at the balances."""

    as_of: Moment | None = None
    """What was booked until then; now by default."""


class StatementQuery(_Page):
    """Which entries of a customer's accounts to list, newest first."""

    currency: CurrencyCode | None = None
    as_of: Moment | None = None
    """Nothing booked later than this."""


class QuoteQuery(_Query):
    """What to price."""

    type: PaymentType
    method: MethodName
    amount: AmountText
    currency: CurrencyCode
