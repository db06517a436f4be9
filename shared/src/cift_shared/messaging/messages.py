"""The messages on Kafka topics: versioned, immutable, strict when written, lenient when read.

Bodies are JSON with a `kind` and a `schema_version`; the CloudEvents attributes travel as Kafka
headers (binary mode, CloudEvents 1.0 Kafka protocol binding), see `cift_shared.messaging.envelope`.
Only additive changes are allowed inside a schema version; golden files in `tests/contract` check
that.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from cift_shared.messaging.charged import ProviderCharge, charged_id
from cift_shared.messaging.exchange import Exchanged, LockedExchange
from cift_shared.messaging.instruments import Instrument, ShownInstrument
from cift_shared.messaging.message import Message
from cift_shared.messaging.outcomes import FailureCategory
from cift_shared.messaging.received import ReceivedMoney, received_id
from cift_shared.money.amount import WireMoney

DELIVERED_BY = "delivered_by"
"""Key that marks a next action which the payer has already seen, such as a prompt on the phone.

Without this key the caller must pass the action on to the payer: a page, a client secret, an
address.
"""


class OriginalPayment(BaseModel):
    """The settled deposit that is refunded."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    payment_id: UUID
    amount: WireMoney
    provider_reference: str | None = None
    """The provider's receipt of the deposit."""


class _PaymentRequest(Message):
    payment_id: UUID
    merchant_id: str
    livemode: bool
    customer_id: str
    method: str
    rail: str | None = None
    """The rail that carries the payment; None in messages of earlier releases: it has the name of
    the method."""
    amount: WireMoney
    """The amount that the provider must move; the ledger handles fees."""
    instrument: Instrument
    accepted_at: AwareDatetime

    @property
    def carried_by(self) -> str:
        """The name of the rail that carries the payment."""
        return self.rail or self.method


class RequestDeposit(_PaymentRequest):
    """Collect an amount from the customer's instrument."""

    kind: Literal["request_deposit"] = "request_deposit"
    return_url: str | None = None
    """Address to which the payer's browser returns from the provider's page."""
    off_session: bool = False
    """True when the customer is absent and can't do a step."""
    description: str | None = None
    exchange: LockedExchange | None = None
    """If the payer pays in another currency than the amount's: how much of it."""


class RequestWithdrawal(_PaymentRequest):
    """Pay an amount out to the customer's instrument."""

    kind: Literal["request_withdrawal"] = "request_withdrawal"


class RequestRefund(_PaymentRequest):
    """Return a settled deposit, or a part of it."""

    kind: Literal["request_refund"] = "request_refund"
    original: OriginalPayment


class _MethodRequest(Message):
    payment_method_id: UUID
    """Our id of the saved method; also the key of every message about it."""
    merchant_id: str
    livemode: bool
    customer_id: str
    method: str
    rail: str | None = None
    """The rail that stores the instrument; None as in a payment's request."""
    accepted_at: AwareDatetime

    @property
    def carried_by(self) -> str:
        """The name of the rail that stores the instrument."""
        return self.rail or self.method


class RequestSetup(_MethodRequest):
    """Save an instrument of the customer for later payments."""

    kind: Literal["request_setup"] = "request_setup"
    instrument: Instrument | None = None
    """The instrument to save; None: the customer enters it at the provider's page."""
    return_url: str | None = None
    """Where the customer's browser goes after a step at the provider's page."""


class RequestDetach(_MethodRequest):
    """Delete a saved instrument at the provider."""

    kind: Literal["request_detach"] = "request_detach"
    detach_id: UUID
    instrument: Instrument


class CancelPayment(Message):
    """Cancel the payment if it was not sent yet, or if the provider confirms the cancellation."""

    kind: Literal["cancel_payment"] = "cancel_payment"
    payment_id: UUID
    requested_at: AwareDatetime


class VerifyPayment(Message):
    """Query the provider now, not at the next scheduled time; this moves no money."""

    kind: Literal["verify_payment"] = "verify_payment"
    verification_id: UUID
    """The id of this request; the same when it is sent again."""
    payment_id: UUID
    requested_at: AwareDatetime
    sealed_reference: str | None = None
    """The provider's reference from the API caller, sealed for the context "notice": a hint that
    the worker verifies at the provider."""


PaymentRequest = RequestDeposit | RequestWithdrawal | RequestRefund
MethodRequest = RequestSetup | RequestDetach
PaymentCommand = Annotated[
    RequestDeposit
    | RequestWithdrawal
    | RequestRefund
    | CancelPayment
    | VerifyPayment
    | RequestSetup
    | RequestDetach,
    Field(discriminator="kind"),
]


class WireFailure(BaseModel):
    """A final failure, as in a message; see `outcomes.Failure`."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    code: str
    category: FailureCategory
    message: str
    retryable: bool


DETAIL_CHARS_MAX = 200
"""Maximum length of one detail's value in the timeline."""


class Step(BaseModel):
    """One piece of evidence for the timeline: what happened, without personal data."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    at: AwareDatetime
    name: str
    """Dotted; begins with the name of the rail or its provider."""
    detail: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def of(cls, at: datetime, name: str, detail: Mapping[str, object]) -> Self:
        """A step with its details: None values are left out, long values are cut."""
        texts = {
            key: str(value)[:DETAIL_CHARS_MAX] for key, value in detail.items() if value is not None
        }
        return cls(at=at, name=name, detail=texts)


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
    "reversed",
    "reinstated",
    "disputed",
    "received",
    "charged",
]


class DisputeUpdate(BaseModel):
    """All that is known about one dispute; amounts are totals, not changes."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    reference: str
    """The provider's id of the dispute."""
    status: str
    """The provider's status of the dispute."""
    reason: str
    amount: WireMoney
    """The disputed amount."""
    withdrawn: WireMoney | None = None
    """The amount that the provider has taken back from us."""
    fee: WireMoney | None = None
    """The provider's charge for the dispute."""
    reinstated: WireMoney | None = None
    """The amount that the provider has returned to us."""
    fee_reinstated: WireMoney | None = None
    evidence_due_by: AwareDatetime | None = None
    closed: Literal["won", "lost", "canceled"] | None = None
    """How it ended; None while it is open."""


class PaymentResult(ShownInstrument, Message):
    """What a worker learned about one attempt; the ledger updates the payment and posts entries."""

    kind: ResultKind
    result_id: str
    """`<attempt id>.<seq>`: the same text whenever this result is sent again."""
    attempt_id: UUID
    seq: int
    """Counts the results of this attempt from 1."""
    payment_id: UUID
    method: str
    rail: str | None = None
    """The worker's rail; None in messages of earlier releases: it has the name of the method."""
    occurred_at: AwareDatetime
    amount: WireMoney | None = None
    """The amount that moved at the provider; with `settled`, `reversed` and `reinstated`."""
    exchanged: Exchanged | None = None
    """If that was another currency than the payment's: then `amount` is what is credited for it."""
    provider_fee: WireMoney | None = None
    provider_reference: str | None = None
    failure: WireFailure | None = None
    """The reason; with `declined`, `expired` and `canceled`."""
    next_action: dict[str, str] | None = None
    """What the payer must do; has the key `delivered_by` if the payer was already prompted."""
    reason: str | None = None
    """With `unknown`, `conflicting`, `reversed` and `reinstated`."""
    reversal_reference: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """With `reversed`: the worker's id of this reversal, unique among the reversals of the payment;
    the same whenever this reversal is reported again. Without it (messages of earlier releases) the
    whole payment was reversed. With `reinstated`: the id of the reversal that was undone."""
    dispute: DisputeUpdate | None = None
    """With `disputed`."""
    received: ReceivedMoney | None = None
    """With `received`: money that arrived without a command. Then `payment_id` is
    `received_id(rail, provider_reference)`, and `amount` is the amount that arrived."""
    charged: ProviderCharge | None = None
    """With `charged`: a charge that belongs to no payment. Then `payment_id` is
    `charged_id(rail, provider_reference)`, and `provider_fee` is what was charged."""
    next_check_at: AwareDatetime | None = None
    """When the worker will query the provider next; None: no query is scheduled."""
    evidence: list[Step] = Field(default_factory=list)

    @model_validator(mode="after")
    def _received_is_whole(self) -> Self:
        if self.kind == "received" and (
            self.received is None
            or self.amount is None
            or self.amount.minor <= 0
            or self.provider_reference is None
            or self.payment_id != received_id(self.rail or self.method, self.provider_reference)
        ):
            raise ValueError("a received amount, its owner, its reference, or the id that follows")
        return self

    @model_validator(mode="after")
    def _charged_is_whole(self) -> Self:
        if self.kind == "charged" and (
            self.charged is None
            or self.provider_fee is None
            or self.provider_fee.minor <= 0
            or self.provider_reference is None
            or self.payment_id != charged_id(self.rail or self.method, self.provider_reference)
        ):
            raise ValueError("a charged fee, its cause, its reference, or the id that follows")
        return self


class MethodResult(ShownInstrument, Message):
    """What a worker learned about saving or deleting an instrument, for the gateway."""

    kind: Literal["pending", "action_required", "saved", "failed", "detached"]
    result_id: str
    """`<attempt id>.<seq>`: the same text whenever this result is sent again."""
    attempt_id: UUID
    seq: int
    """Counts the results of this attempt from 1; deleting is a separate attempt."""
    payment_method_id: UUID
    method: str
    rail: str | None = None
    """The worker's rail; None in messages of earlier releases: it has the name of the method."""
    occurred_at: AwareDatetime
    instrument_sealed: str | None = None
    """With `saved`: the provider's id of the instrument, sealed as `Instrument.sealed` is."""
    customer_reference_sealed: str | None = None
    """With `saved`: the provider's id of the customer, sealed in the same way."""
    fingerprint: str | None = None
    """Keyed hash, equal for two saved copies of one instrument."""
    next_action: dict[str, str] | None = None
    """What the customer must do; a key that ends in `_sealed` is sealed as "next_action"."""
    failure: WireFailure | None = None


class ProviderNotice(Message):
    """A provider's webhook as received, sealed; a hint until it is confirmed by a query."""

    kind: Literal["provider_notice"] = "provider_notice"
    notice_id: str
    """Keyed hash of path and body: the same notice has the same id."""
    provider: str
    attempt_id: UUID | None = None
    """From the callback token; None when the notice was posted to an address without a token."""
    purpose: Annotated[int, Field(ge=0, le=255)] | None = None
    """Which call of the attempt it answers, from the callback token; the rail numbers its calls."""
    sealed_body: str
    """The raw bytes, or what the rail needs of the request, sealed for the context "notice"."""
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


class LedgerHead(Message):
    """The newest link of the ledger's hash chain: an anchor outside the database."""

    kind: Literal["ledger_head"] = "ledger_head"
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    """The newest link, in hexadecimal; `cift ledger verify-chain --anchor` finds it again."""
    transactions: int
    """The number of transactions in the chain."""
    last_transaction_id: str
    block: int
    sealed_at: AwareDatetime


COMMANDS: TypeAdapter[PaymentCommand] = TypeAdapter(PaymentCommand)
"""Parses any command."""
