"""The port every provider is reached through, and the factory that finds its adapter.

    attempt engine -> process_deposit | process_withdrawal | process_refund   once (or safely again)
                   -> get_transaction_status                                  as often as needed
    the same for saved instruments, where a provider keeps them:
                   -> process_setup | process_detach, get_method_status

A processor decides nothing about retries, leases or states: it asks the provider and answers with
an outcome, or raises a `PaymentProcessorError` that says whether anything may have happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol, runtime_checkable

from cift_shared.callback_token import Purpose
from cift_shared.errors import SettingsInvalid
from cift_shared.fees import Direction
from cift_shared.ids import AttemptId
from cift_shared.messages import MethodRequest, PaymentRequest, Step
from cift_shared.methods import Operation
from cift_shared.money import Money
from cift_shared.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one payment at a provider, as a processor sees it."""

    attempt_id: AttemptId
    """Also the source of every key and path we give the provider."""
    operation: Operation
    request: PaymentRequest
    """The command that asked for it."""
    memory: Mapping[str, str] = field(default_factory=dict)
    """What the processor asked to remember (provider ids; personal data sealed)."""
    checks: int = 0
    """How often the provider has been asked since the submission."""
    created_at: datetime | None = None
    ended: bool = False
    """True once a final answer is stored: nothing new may be begun for it."""


MethodOperation = Literal["setup", "detach"]


@dataclass(frozen=True, slots=True)
class MethodAttempt:
    """One try to save or to forget an instrument at a provider; fields as in `Attempt`."""

    attempt_id: AttemptId
    operation: MethodOperation
    request: MethodRequest
    memory: Mapping[str, str] = field(default_factory=dict)
    checks: int = 0
    created_at: datetime | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's webhook for an attempt: a hint until confirmed."""

    notice_id: str
    purpose: Purpose | None
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
    """Keyed hash of the provider's reference, by which a general webhook finds the attempt."""
    evidence: Sequence[Step] = ()
    """For the timeline; no personal data."""
    check_after: timedelta | None = None
    """Ask again this soon instead of by the schedule; zero: what was learned is stored, go on."""


class PaymentProcessor(Protocol):
    """What a worker brings: one provider behind five questions."""

    @property
    def method(self) -> str:
        """The method it serves, a key of `methods.METHODS`."""
        ...

    def resend_is_safe(self, operation: Operation) -> bool:
        """True when the provider refuses a second request with the same key of ours."""
        ...

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Ask the provider to collect the money.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        ...

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Ask the provider to pay the money out; raises as `process_deposit`."""
        ...

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Ask the provider to give a deposit back; raises as `process_deposit`."""
        ...

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Ask the provider what became of the attempt; notices are hints for the question.

        Raises:
            PaymentProcessorError: the question could not be asked; the attempt is unchanged.
        """
        ...

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the schedule."""
        ...

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next question; None: it is time for people to look."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


@runtime_checkable
class InstrumentKeeper(Protocol):
    """What a processor brings besides, when its provider keeps instruments for later payments."""

    async def process_setup(self, attempt: MethodAttempt) -> Answer:
        """Ask the provider to keep an instrument.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        ...

    async def process_detach(self, attempt: MethodAttempt) -> Answer:
        """Ask the provider to forget an instrument; raises as `process_setup`."""
        ...

    async def get_method_status(
        self, attempt: MethodAttempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Ask the provider what became of it; notices are hints for the question.

        Raises:
            PaymentProcessorError: the question could not be asked; the attempt is unchanged.
        """
        ...

    def method_check_delay(self, attempt: MethodAttempt) -> timedelta | None:
        """How long to wait before the next question; None: it is time for people to look."""
        ...


class PaymentConfig:
    """The settings of each installed provider, read from the environment by the product's names."""

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
