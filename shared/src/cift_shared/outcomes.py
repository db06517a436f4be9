"""What a provider can answer: the vocabulary every worker speaks.

A decline is a value. A word we do not know is `Pending`, never a failure and never a success.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from cift_shared.money import Money


class FailureCategory(StrEnum):
    """Why a payment failed, coarse enough to decide what to tell the customer."""

    DECLINED = "declined"
    """The payer, or the payer's account, said no."""
    LIMIT = "limit"
    """A limit of the payer, the recipient or the method."""
    INVALID = "invalid"
    """The instrument does not exist or can't be used for this."""
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    """The provider could not take the request in time; nothing happened."""
    CONFIGURATION = "configuration"
    """Our credentials or our set-up at the provider; operators are told."""
    CANCELED = "canceled"
    """Stopped before it began."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A final no, fit to show."""

    code: str
    """Stable word, for example `payer_balance_insufficient`."""
    category: FailureCategory
    message: str
    """One sentence for the customer."""
    retryable: bool
    """True when a new payment by the customer may succeed."""


@dataclass(frozen=True, slots=True)
class Card:
    """All that is ever kept of a card."""

    brand: str
    """As the provider names it: visa, mastercard."""
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """All that is known of one dispute by now; amounts are totals, never steps."""

    reference: str
    """The provider's id of it."""
    status: str
    """The provider's word for where it stands."""
    reason: str
    amount: Money
    """How much the payer contests."""
    withdrawn: Money | None = None
    """What the provider has taken back from us."""
    fee: Money | None = None
    reinstated: Money | None = None
    """What the provider has given back to us."""
    fee_reinstated: Money | None = None
    evidence_due_by: datetime | None = None
    closed: Literal["won", "lost", "canceled"] | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The provider took the request; wait."""

    provider_reference: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The payer must act: enter a PIN, follow a page, pay to an address."""

    next_action: Mapping[str, str]
    """What to do, `type` and its details; what only the payer may see under a key `..._sealed`."""
    provider_reference: str | None = None
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Final: this much money moved at the provider."""

    amount: Money
    """What the provider says arrived (or left), never what we asked for."""
    provider_reference: str | None = None
    """The provider's receipt; None while only a query has confirmed it."""
    provider_fee: Money | None = None
    """What the provider kept for it; may be in another currency than the amount."""
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class Reversed:
    """After settlement the money went back, and no request of ours asked for it."""

    amount: Money
    provider_reference: str
    """Names this reversal and nothing else."""
    reason: str


@dataclass(frozen=True, slots=True)
class Disputed:
    """After settlement the payer contests the payment."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class Saved:
    """Final: the instrument is kept at the provider for later payments."""

    instrument_sealed: str
    """The provider's id of it, sealed for the context of its kind."""
    customer_reference_sealed: str | None = None
    fingerprint: str | None = None
    """Keyed hash that two saved copies of one instrument share."""
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class Detached:
    """Final: the provider has forgotten the instrument."""


@dataclass(frozen=True, slots=True)
class Declined:
    """Final: the provider, or the payer, said no; nothing moved."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Expired:
    """Final: nobody answered in time; nothing moved."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Pending:
    """No news: ask again later."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Asked, and no readable answer: the money may have moved; query, never send blindly."""

    reason: str


@dataclass(frozen=True, slots=True)
class Conflicting:
    """Evidence contradicts itself; people must look before money moves."""

    reason: str


Outcome = (
    Submitted
    | ActionRequired
    | Settled
    | Declined
    | Expired
    | Pending
    | Unknown
    | Conflicting
    | Reversed
    | Disputed
    | Saved
    | Detached
)
