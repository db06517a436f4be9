"""What travels on topics: versioned, immutable, strict when written, lenient when read.

Bodies are JSON with a `kind` and a `schema_version`; the CloudEvents attributes travel as Kafka
headers (binary mode, CloudEvents 1.0 Kafka protocol binding), see `cift_shared.envelope`.
Only additive changes are allowed inside a schema version; golden files in `tests/contract` hold it.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from cift_shared.callback_token import Purpose
from cift_shared.money import WireMoney
from cift_shared.outcomes import FailureCategory


class Message(BaseModel):
    """Base of every message: frozen, and readers ignore what a newer writer added."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1


class Instrument(BaseModel):
    """Where the money comes from or goes to, as a worker needs it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["phone"]
    """What sort of instrument it is."""
    display: str
    """Masked, fit to show: 2547****149."""
    sealed: str
    """The instrument itself, sealed for the context of its kind."""
    country: str
    """ISO 3166 alpha-2 country of the wallet."""


class OriginalPayment(BaseModel):
    """The settled deposit a refund gives back."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    payment_id: UUID
    amount: WireMoney
    provider_reference: str | None
    """The provider's receipt of the deposit."""


class _PaymentRequest(Message):
    payment_id: UUID
    merchant_id: str
    livemode: bool
    customer_id: str
    method: str
    amount: WireMoney
    """What the provider must move; fees are the ledger's business."""
    instrument: Instrument
    accepted_at: AwareDatetime


class RequestDeposit(_PaymentRequest):
    """Take this much from the customer's instrument."""

    kind: Literal["request_deposit"] = "request_deposit"


class RequestWithdrawal(_PaymentRequest):
    """Pay this much out to the customer's instrument."""

    kind: Literal["request_withdrawal"] = "request_withdrawal"


class RequestRefund(_PaymentRequest):
    """Give (part of) a settled deposit back."""

    kind: Literal["request_refund"] = "request_refund"
    original: OriginalPayment


class CancelPayment(Message):
    """Stop the payment if nothing was sent to the provider yet."""

    kind: Literal["cancel_payment"] = "cancel_payment"
    payment_id: UUID
    requested_at: AwareDatetime


PaymentRequest = RequestDeposit | RequestWithdrawal | RequestRefund
PaymentCommand = Annotated[
    RequestDeposit | RequestWithdrawal | RequestRefund | CancelPayment,
    Field(discriminator="kind"),
]


class WireFailure(BaseModel):
    """A final no on the wire; see `outcomes.Failure`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    category: FailureCategory
    message: str
    retryable: bool


class Step(BaseModel):
    """One piece of evidence for the timeline: what happened, without personal data."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: AwareDatetime
    name: str
    """Dotted, for example `mpesa.stk_query.answered`."""
    detail: dict[str, str] = Field(default_factory=dict)


ResultKind = Literal[
    "submitted",
    "action_required",
    "settled",
    "declined",
    "expired",
    "canceled",
    "unknown",
    "noted",
    "conflicting",
]


class PaymentResult(Message):
    """What a worker learned about one attempt; the ledger turns it into state and postings."""

    kind: ResultKind
    result_id: str
    """`<attempt id>.<seq>`: the same text whenever this result is sent again."""
    attempt_id: UUID
    seq: int
    """Counts the results of this attempt from 1."""
    payment_id: UUID
    method: str
    occurred_at: AwareDatetime
    amount: WireMoney | None = None
    """What moved at the provider; only with `settled`."""
    provider_fee: WireMoney | None = None
    provider_reference: str | None = None
    failure: WireFailure | None = None
    """Why; with `declined`, `expired` and `canceled`."""
    next_action: dict[str, str] | None = None
    reason: str | None = None
    """With `unknown` and `conflicting`."""
    next_check_at: AwareDatetime | None = None
    """When the worker will ask the provider again; None when it is done."""
    evidence: list[Step] = Field(default_factory=list)


class ProviderNotice(Message):
    """A provider's webhook as it came, sealed; a hint until it is confirmed."""

    kind: Literal["provider_notice"] = "provider_notice"
    notice_id: str
    """Keyed hash of path and body: the same notice has the same id."""
    provider: str
    attempt_id: UUID | None
    """From the callback token; None when the notice came to the general address."""
    purpose: Purpose | None
    sealed_body: str
    """The raw bytes, sealed for the context "notice"."""
    source_listed: bool
    """True when the peer's address is on the provider's published list."""
    received_at: AwareDatetime


class PaymentEvent(Message):
    """A change of a payment's state, for merchants."""

    kind: Literal["payment_event"] = "payment_event"
    event_id: str
    """`<payment id>.<version>`."""
    type: str
    """`payment.<status>`."""
    payment_id: UUID
    merchant_id: str
    version: int
    occurred_at: AwareDatetime
    payment: dict[str, object]
    """The payment at that version, as the API shows it."""


COMMANDS: TypeAdapter[PaymentCommand] = TypeAdapter(PaymentCommand)
"""Reads any command."""
