"""The outcomes of a provider call, the same for every worker.

A decline is a value. An unknown status word is `Pending`, never a failure and never a success.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from cift_shared.messaging.exchange import Exchanged
from cift_shared.money.amount import Money
from cift_shared.rails.instruments import Public


class FailureCategory(StrEnum):
    """Why a payment failed, in categories that decide the message to the customer."""

    DECLINED = "declined"
    """The payer, or the provider of the payer's account, declined."""
    LIMIT = "limit"
    """A limit of the payer, the recipient or the method."""
    INVALID = "invalid"
    """The instrument does not exist or can't be used for this."""
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    """The provider could not accept the request in time; nothing happened."""
    CONFIGURATION = "configuration"
    """Our credentials or our set-up at the provider are wrong; operators are notified."""
    CANCELED = "canceled"
    """The payment was canceled: before it was sent, or by the provider at our request."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A final refusal, with text that may be shown to the customer."""

    code: str
    """Stable code, for example `payer_balance_insufficient`."""
    category: FailureCategory
    message: str
    """One sentence for the customer."""
    retryable: bool
    """True when a new payment by the customer may succeed."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """Everything known about one dispute so far; amounts are totals, not changes."""

    reference: str
    """The provider's id of the dispute."""
    status: str
    """The provider's status word."""
    reason: str
    amount: Money
    """The amount that the payer contests."""
    withdrawn: Money | None = None
    """The amount that the provider has taken back from us."""
    fee: Money | None = None
    reinstated: Money | None = None
    """The amount that the provider has returned to us."""
    fee_reinstated: Money | None = None
    evidence_due_by: datetime | None = None
    closed: Literal["won", "lost", "canceled"] | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The provider accepted the request; its final answer comes later."""

    provider_reference: str | None = None
    next_action: Mapping[str, str] | None = None
    """As in `ActionRequired`, if the payer may look at it meanwhile: how far the payment is."""


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The payer must act: enter a PIN, open a page, pay to an address."""

    next_action: Mapping[str, str]
    """`type` and its details; a value that only the payer may see has a key `..._sealed`."""
    provider_reference: str | None = None
    public: Public | None = None
    """What the provider reports of the instrument, if anything."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Final: this amount moved at the provider."""

    amount: Money
    """What the provider reports as received (or paid out), never what we requested."""
    provider_reference: str | None = None
    """The provider's receipt; None while only a query has confirmed it."""
    provider_fee: Money | None = None
    """The provider's fee for it; may be in another currency than the amount."""
    public: Public | None = None
    """What the provider reports of the instrument, if anything."""
    exchanged: Exchanged | None = None
    """What moved, if that is another currency than the amount's."""


@dataclass(frozen=True, slots=True)
class Reversed:
    """After settlement this amount was returned without a request from us."""

    amount: Money
    provider_reference: str
    """The provider's id of this reversal and of nothing else."""
    reason: str
    reversal_reference: str | None = None
    """The id of this reversal, unique among the reversals of the payment, for a provider that may
    report a second reversal under the same id; None: `provider_reference` is its id."""


@dataclass(frozen=True, slots=True)
class Reinstated:
    """A reversal was undone: its whole amount is ours again."""

    amount: Money
    """The amount of the reversal."""
    reversal_reference: str
    """The id of the reversal that was undone. If the money is returned once more, that is a new
    reversal with another id."""
    reason: str
    provider_reference: str | None = None
    """The provider's new receipt of the reinstated money, if there is one."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """After settlement the payer contests the payment."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class Saved:
    """Final: the provider has stored the instrument for later payments."""

    instrument_sealed: str
    """The provider's id of the instrument, sealed for the context of its kind."""
    customer_reference_sealed: str | None = None
    fingerprint: str | None = None
    """Keyed hash, equal for two saved copies of one instrument."""
    public: Public | None = None
    """What the provider reports of the instrument, if anything."""


@dataclass(frozen=True, slots=True)
class Detached:
    """Final: the provider has removed the instrument."""


@dataclass(frozen=True, slots=True)
class Declined:
    """Final: the provider or the payer refused; no money moved."""

    failure: Failure
    provider_fee: Money | None = None
    """What the provider charged nevertheless."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Final: there was no answer in time; no money moved."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Canceled:
    """Final: the provider has the request and confirms that it will move no money."""


@dataclass(frozen=True, slots=True)
class Pending:
    """There is no final answer yet: query again later."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """There was no readable answer: the money may have moved. Query before sending again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Conflicting:
    """The evidence is contradictory; an operator must decide before money moves."""

    reason: str


Outcome = (
    Submitted
    | ActionRequired
    | Settled
    | Declined
    | Expired
    | Canceled
    | Pending
    | Unknown
    | Conflicting
    | Reversed
    | Reinstated
    | Disputed
    | Saved
    | Detached
)
