"""Implement the processor port for cards through Stripe.

    deposit     payment intent: create -> store -> confirm -> Settled | ActionRequired | Declined
    refund      refund of the intent .................... Settled | Submitted | Declined
    withdrawal  not offered: a card can't receive a payout
    setup       setup intent ............................ Saved | ActionRequired | Declined
    detach      payment method .......................... Detached

No request is repeated blindly: after an unknown outcome the worker first searches for the intent,
or the refund, that the earlier request may have created.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from card_method.rail import RAIL
from card_worker import declines, wire
from card_worker.client import StripeApi
from card_worker.context import Context
from card_worker.customers import Customers, MemoryCustomers
from card_worker.deposits import Deposits
from card_worker.notices import find_attempt, is_known
from card_worker.refunds import Refunds
from card_worker.settings import CardConfig
from card_worker.setup_intents import SetupIntents
from cift_shared.attempts.processor import (
    PROVIDER_UNAVAILABLE,
    Answer,
    Attempt,
    MethodAttempt,
    Notice,
)
from cift_shared.clock import Clock, SystemClock
from cift_shared.ids import AttemptId
from cift_shared.messaging.outcomes import Declined, Pending
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import KeySettings, load_settings


class CardProcessor:
    """Implements `PaymentProcessor` and `SavedMethodProvider` over one Stripe account."""

    rail = RAIL.name

    def __init__(
        self,
        config: CardConfig,
        api: StripeApi,
        *,
        customers: Customers,
        vault: Vault,
        clock: Clock,
    ) -> None:
        """Create the processor from the shared parts of a worker.

        Raises:
            SettingsInvalid: the fee schedule can't be read.
        """
        self._context = Context(config, api, customers, vault, clock)
        self._fees = load_schedule(config.fee_schedule)
        self._deposits = Deposits(self._context)
        self._refunds = Refunds(self._context)
        self._setup_intents = SetupIntents(self._context)

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """False: Stripe keeps our idempotency keys only for a day, so we search first."""
        return False

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Create the payment intent; it is confirmed later, once its id is stored.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:  # noqa: ARG002
        """Decline: a card can't receive a payout."""
        step = self._context.step("withdrawal.not_offered")
        return Answer(Declined(declines.WITHDRAWAL_UNSUPPORTED), evidence=[step])

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Refund a deposit, whole or in part; raises the same errors as `process_deposit`."""
        return await self._refunds.submit(attempt)

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Query the state of an attempt and take its next step; raises as `process_deposit`."""
        match attempt.operation:
            case "deposit":
                return await self._deposits.check(attempt, notices)
            case "refund":
                return await self._refunds.check(attempt, notices)
        return Answer(Pending()) if attempt.ended else await self.process_withdrawal(attempt)

    async def process_setup(self, attempt: MethodAttempt) -> Answer:
        """Begin to save a card; raises as `process_deposit`."""
        return await self._setup_intents.submit(attempt)

    async def process_detach(self, attempt: MethodAttempt) -> Answer:
        """Detach a saved card at Stripe; raises as `process_deposit`."""
        return await self._setup_intents.detach(attempt)

    async def get_method_status(
        self, attempt: MethodAttempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Query a setup or detachment and take its next step; raises as `process_deposit`."""
        if attempt.operation == "setup":
            return await self._setup_intents.check(attempt, notices)
        return Answer(Pending()) if attempt.ended else await self._setup_intents.detach(attempt)

    def method_check_delay(self, attempt: MethodAttempt) -> timedelta | None:
        """How long to wait before the next query; None after a day."""
        return self._context.check_delay(attempt, "payment")

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the fee schedule.

        Raises:
            InvalidCommand: the schedule has no fee for this amount and direction.
        """
        return self._fees.fee(amount, method=RAIL.priced_as, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next query; None: an operator must decide the payment."""
        if attempt.operation == "refund":
            return self._context.check_delay(attempt, "refund")
        return self._context.check_delay(attempt, "payment")

    def unavailable_reason(self) -> str | None:
        """`provider_unavailable` while the circuit breaker lets no request through."""
        return PROVIDER_UNAVAILABLE if self._context.api.is_unavailable else None

    def read_fingerprint(self, body: bytes) -> AttemptId | str | None:
        """The attempt id, or the fingerprint of the reference, of a Stripe event.

        None when the body is not an event or names neither.
        """
        event = wire.Event.read(body)
        if event is None or not is_known(event):
            self._context.count_unknown("event", event.type if event else None)
        return find_attempt(event, self._context.fingerprint) if event else None

    async def close(self) -> None:
        """Close the connections to Stripe."""
        await self._context.api.close()


def build_processor(config: CardConfig) -> CardProcessor:
    """A processor without a database: keys from the environment, Stripe customers in memory.

    Raises:
        SettingsInvalid: a key is missing.
    """
    clock = SystemClock()
    return CardProcessor(
        config,
        StripeApi(config, clock),
        customers=MemoryCustomers(),
        vault=load_settings(KeySettings).vault(),
        clock=clock,
    )
