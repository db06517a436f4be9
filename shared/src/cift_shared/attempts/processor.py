"""The port through which the engine calls a provider, and the factory that loads its adapter.

    attempt engine -> process_deposit | process_withdrawal | process_refund   once (or safely again)
                   -> get_transaction_status                                  as often as needed
                   -> process_cancel      if the provider can cancel it; may be repeated
    the same for saved instruments, if the provider stores them:
                   -> process_setup | process_detach, get_method_status

A processor decides nothing about retries, leases or states: it calls the provider and returns an
outcome, or raises a `PaymentProcessorError` that says whether the provider may have acted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol, runtime_checkable

from cift_shared.errors import SettingsInvalid
from cift_shared.ids import AttemptId
from cift_shared.messaging.messages import MethodRequest, PaymentRequest, Step
from cift_shared.messaging.outcomes import Outcome
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction
from cift_shared.rails.rail import Operation
from cift_shared.runtime.job import Job


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one payment at a provider, as a processor sees it."""

    attempt_id: AttemptId
    """Every idempotency key and callback path that we send to the provider is made from it."""
    operation: Operation
    request: PaymentRequest
    """The command that requested it."""
    memory: Mapping[str, str] = field(default_factory=dict)
    """What the processor stored with earlier answers (provider ids; personal data sealed)."""
    checks: int = 0
    """Number of status queries since the submission."""
    created_at: datetime | None = None
    ended: bool = False
    """True once a final answer is stored: the processor must start nothing new for it."""
    references: Sequence[str] = ()
    """Provider references that the API caller sent since the last query. They are untrusted hints
    for the query; a processor may ignore them."""


MethodOperation = Literal["setup", "detach"]


@dataclass(frozen=True, slots=True)
class MethodAttempt:
    """One try to save or remove an instrument at a provider; fields as in `Attempt`."""

    attempt_id: AttemptId
    operation: MethodOperation
    request: MethodRequest
    memory: Mapping[str, str] = field(default_factory=dict)
    checks: int = 0
    created_at: datetime | None = None
    ended: bool = False


CALLER_REFERENCE = -1
"""Purpose of a stored notice whose body is a provider reference sent by the API caller
(`Attempt.references`). No callback token has this purpose, so nobody can post such a notice."""


CANCEL_REQUESTED = -2
"""Purpose of a stored notice that is a merchant's request to cancel. No callback token has it, as
with `CALLER_REFERENCE`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's webhook for an attempt: a hint until confirmed."""

    notice_id: str
    purpose: int | None
    body: bytes
    source_listed: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a processor learned from one call."""

    outcome: Outcome
    memory: Mapping[str, str] = field(default_factory=dict)
    """Merged into the attempt's memory and stored with the outcome."""
    fingerprint: str | None = None
    """Keyed hash of the provider's reference: finds the attempt of a webhook without our token."""
    evidence: Sequence[Step] = ()
    """Steps for the timeline; no personal data."""
    check_after: timedelta | None = None
    """Delay until the next query, instead of the schedule's delay; zero: store the answer, then
    query again immediately.
    """


class PaymentProcessor(Protocol):
    """The interface that a worker implements for its provider."""

    @property
    def rail(self) -> str:
        """The name of the rail that it serves."""
        ...

    def resend_is_safe(self, operation: Operation) -> bool:
        """True when the provider acts at most once on requests with the same idempotency key."""
        ...

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Instruct the provider to collect the money.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        ...

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Instruct the provider to pay the money out; raises like `process_deposit`."""
        ...

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Instruct the provider to refund a deposit; raises like `process_deposit`."""
        ...

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Query the provider for the status of the attempt; notices are hints for the query.

        Raises:
            PaymentProcessorError: the query failed; the attempt is unchanged.
        """
        ...

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the schedule."""
        ...

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """The delay until the next status query; None: an operator must examine the attempt."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


PROVIDER_UNAVAILABLE = "provider_unavailable"
"""The reason of a processor whose provider does not answer."""


@runtime_checkable
class ReportsAvailability(Protocol):
    """A processor also implements this if it knows when its provider can't be used.

    Any other processor counts as available while its worker runs.
    """

    def unavailable_reason(self) -> str | None:
        """A stable code for why payments can't reach the provider now; None: they can.

        It makes no call: the reason comes from earlier calls of this process.
        """
        ...


@runtime_checkable
class ForgetsSending(Protocol):
    """A processor also implements this if only our own tables keep it from sending twice.

    Any other provider refuses, or repeats its answer to, a second request with the same key.
    """

    def forgets_sending(self, operation: Operation) -> bool:
        """True for operations that an operator must judge after the database was restored."""
        ...


@runtime_checkable
class HasJobs(Protocol):
    """A processor also implements this if its rail needs periodic jobs."""

    def jobs(self) -> Sequence[Job]:
        """The jobs, each with a unique name; one process at a time runs each."""
        ...


@runtime_checkable
class HoldsCallsOpen(Protocol):
    """A processor also implements this if its provider may answer only after minutes.

    A claim of its rail is held longer, so no other process takes an attempt whose call is open.
    """

    def longest_work(self) -> timedelta:
        """The longest time that a submission or a query takes, with all its calls."""
        ...


@dataclass(frozen=True, slots=True)
class FloatRules:
    """How the balance that a rail pays out from is monitored."""

    minimum: Mapping[str, Money] = field(default_factory=dict)
    """By currency, the balance below which withdrawals are refused. A currency without a minimum is
    only measured."""
    every: timedelta = timedelta(seconds=30)
    """The time between two reads."""


@runtime_checkable
class ReportsFloat(Protocol):
    """A processor also implements this if it can read the balance that it pays out from."""

    def float_rules(self) -> FloatRules:
        """The minimum balances and the time between two reads."""
        ...

    async def get_float(self) -> Sequence[Money]:
        """The amount that can be paid out now, for each currency.

        Raises:
            PaymentProcessorError: the balance could not be read.
        """
        ...


@runtime_checkable
class ReportsLowFloat(Protocol):
    """A processor implements this instead of `ReportsFloat` if the balance can't be read.

    It learns from a refused payout that there is too little to pay out.
    """

    def low_float(self) -> Sequence[str]:
        """The currencies in which this process sends no payouts now, because one was refused."""
        ...


@runtime_checkable
class EstimatesNetworkFee(Protocol):
    """A processor also implements this if a network charges for each payment, and the fee changes.

    Its rail has `estimates_network_fee=True`. The estimates are added to the price of payments
    whose rule in the fee schedule has `network_fee`.
    """

    async def estimate_network_fee(self, direction: Direction, currency: str) -> Money:
        """What the network charges now for one payment, in any currency; zero or more.

        It is called about every ten seconds, for each direction and currency of the rail. The
        processor limits what a network may seem to charge.

        Raises:
            PaymentProcessorError: the fee can't be estimated now.
        """
        ...


@runtime_checkable
class CancelsAtProvider(Protocol):
    """A processor also implements this if its provider can cancel a payment after its submission.

    Its rail has `cancel_after_submit=True`.
    """

    async def process_cancel(self, attempt: Attempt) -> Answer:
        """Instruct the provider to cancel. It may be called several times for one attempt.

        Returns:
            `Canceled` only when the provider confirms that it will move no money. `Pending`: it has
            the request to cancel, and queries will show the outcome. `Settled`, `Declined` or
            `Expired`: the payment had ended already. `Unknown`: the engine calls again.

        Raises:
            ProviderRejectedRequest: this payment can't be canceled; the engine does not call again.
            PaymentProcessorError: the call failed; the engine calls again.
        """
        ...


@runtime_checkable
class SavedMethodProvider(Protocol):
    """A processor also implements this if its provider stores instruments for later payments."""

    async def process_setup(self, attempt: MethodAttempt) -> Answer:
        """Instruct the provider to store an instrument.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        ...

    async def process_detach(self, attempt: MethodAttempt) -> Answer:
        """Instruct the provider to remove an instrument; raises like `process_setup`."""
        ...

    async def get_method_status(
        self, attempt: MethodAttempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Query the provider for the status of the attempt; notices are hints for the query.

        Raises:
            PaymentProcessorError: the query failed; the attempt is unchanged.
        """
        ...

    def method_check_delay(self, attempt: MethodAttempt) -> timedelta | None:
        """The delay until the next status query; None: an operator must examine the attempt."""
        ...


class PaymentConfig:
    """Loads a provider's settings from environment variables named after its product."""

    @staticmethod
    def load(method: str) -> Any:
        """The settings of the provider behind `method`.

        Raises:
            SettingsInvalid: no such method is installed, or a setting is missing or wrong.
        """
        return _find("cift.processor_configs", method)()

    @staticmethod
    def get_mpesa_config() -> Any:
        """The settings of M-Pesa (`MPESA_...`)."""
        return PaymentConfig.load("mpesa")

    @staticmethod
    def get_stripe_config() -> Any:
        """The settings of cards through Stripe (`STRIPE_...`)."""
        return PaymentConfig.load("card")


def get_payment_processor(method: str, config: Any) -> PaymentProcessor:
    """The processor of an installed method, built from its settings.

    Raises:
        SettingsInvalid: no such method is installed.
    """
    processor: PaymentProcessor = _find("cift.processors", method)(config)
    return processor


def _find(group: str, method: str) -> Any:
    for point in entry_points(group=group):
        if point.name == method:
            return point.load()
    raise SettingsInvalid(f"no payment method {method!r} is installed")
