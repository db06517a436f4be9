"""What is true at the end of a run, as plain facts; nothing here knows where they came from.

Amounts are whole minor units, ids are text, times are aware.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tests.chaos.clients.history import Said

OPEN = frozenset({"pending", "processing", "requires_action"})
UNMOVED = frozenset({"failed", "expired", "canceled"})
FINAL = UNMOVED | {"completed"}

_EXPONENTS = {
    **dict.fromkeys(("JPY", "KRW", "RWF", "UGX", "VND", "XAF"), 0),
    "BTC": 8,
    "ETH": 18,
    "USDC": 6,
    "USDT": 6,
}
CENTS = 2


def exponent(currency: str) -> int:
    """Decimal places of a currency."""
    return _EXPONENTS.get(currency, CENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What the payer of a payment was told to pay in another currency than the payment's."""

    minor: int
    """What is to be paid."""
    currency: str
    """That is paid."""
    quoted: int
    """What is credited for it, in the payment's currency."""
    quoted_currency: str
    rate: Decimal
    """Whole units of the payment's currency for one whole unit of the one that is paid."""

    def worth(self, minor: int) -> Fraction:
        """What an amount that is paid is worth, in minor units of the payment's currency."""
        scale = exponent(self.quoted_currency) - exponent(self.currency)
        return minor * Fraction(self.rate) * Fraction(10) ** scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A row of `ledger.payment`."""

    payment_id: str
    merchant: str
    livemode: bool
    customer: str
    type: str
    method: str
    rail: str
    status: str
    minor: int
    currency: str
    fee: int
    net: int
    parent: str | None = None
    refunded: int = 0
    refund_pending: int = 0
    reversed: int = 0
    disputed: int = 0
    reference: str | None = None
    provider_fee: int | None = None
    suspense_posted: bool = False
    paid_by_merchant: bool = False
    """The merchant bears the fee."""
    swept: bool = True
    """The sweeper can see it (`ledger.unfinished`)."""
    version: int = 1
    cancels_after_submit: bool = False
    """Its rail can cancel what the provider has."""
    received: bool = False
    """Money that no order asked for: a deposit that the worker has reported by itself."""
    price: Price | None = None
    """None: payer and payment have the same currency."""
    depth: int = 0
    """Confirmations that a movement of its rail must have before it counts; 0: no chain."""
    cap: int | None = None
    """The largest withdrawal that is signed, where there is a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row of `ledger.payment_event`."""

    seq: int
    payment_id: str
    version: int
    kind: str
    from_status: str | None = None
    to_status: str | None = None
    disposition: str = "applied"
    result_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the journal with the head of its transaction."""

    tx: int
    seq: int
    kind: str
    """Of the transaction."""
    payment_id: str | None
    account: int
    tenant: str
    code: str
    currency: str
    amount: int
    balance_after: int
    account_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account with its balance."""

    account: int
    tenant: str
    code: str
    currency: str
    posted: int
    held: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A row of `ledger.hold`."""

    hold_id: int
    payment_id: str | None
    account: int
    amount: int
    captured: int | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A row of a worker's `attempt`."""

    worker: str
    attempt_id: str
    payment_id: str
    operation: str | None
    state: str
    seq: int
    next_check_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A row of a worker's `notice`."""

    notice_id: str
    attempt_id: str | None
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A row of the gateway's inbox: what was answered with 200."""

    notice_id: str
    attempt_id: str | None
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A message that is still in an outbox."""

    schema: str
    topic: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that moved by the provider's own book."""

    seq: int
    provider: str
    kind: str
    operations: frozenset[str]
    """The operations that cause such a movement; empty: the provider moved it by itself."""
    is_incoming: bool
    """Whether we receive the money."""
    amount: int
    currency: str
    fee: int
    fee_currency: str
    receipt: str
    names: frozenset[str]
    """Every id the provider knows it by."""
    attempt_id: str | None = None
    """From our key or from our callback address."""
    payment_id: str | None = None
    """From our metadata."""
    is_public: bool = False
    """True in a book that has no references of ours, such as a chain: only the names that the
    provider has for it tell whose it is."""
    confirmations: int | None = None
    """Of a movement on a chain: its block and those above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A callback that the provider posted and we answered with 2xx."""

    attempt_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A message of `payments.events`, in the order of its partition."""

    payment_id: str
    event_id: str
    version: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """A process that says of itself that it leads."""

    role: str
    process: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the checker looks at."""

    taken_at: datetime
    """By the clock of PostgreSQL."""
    said: tuple[Said, ...] = ()
    payments: tuple[Payment, ...] = ()
    changes: tuple[Change, ...] = ()
    entries: tuple[Entry, ...] = ()
    accounts: tuple[Account, ...] = ()
    holds: tuple[Hold, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    notices: tuple[Notice, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    queued: tuple[Queued, ...] = ()
    movements: tuple[Movement, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    events: tuple[Event, ...] = ()
    leaders: tuple[Leader, ...] = ()
    taken: Mapping[str, Mapping[str, int]]
    """How many requests the providers took that move money once, by a word for them (`payouts`) and
    by attempt."""
