"""Implement the processor port for PayPal.

    deposit     order: create -> the payer approves -> capture -> Settled | Declined | Expired
    refund      refund of the capture ................. Settled | Submitted | Declined
    withdrawal  not offered

Only an order whose id is stored is captured, so a deposit is never sent again blindly; a refund is
looked for before it is created again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.attempts.processor import PROVIDER_UNAVAILABLE, Answer, Attempt, Notice
from cift_shared.clock import Clock, SystemClock
from cift_shared.errors import ProviderRejectedRequest
from cift_shared.messaging.outcomes import Declined, Failure, FailureCategory, Pending
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from cift_shared.security.field_encryption import Vault
from cift_shared.security.return_token import ReturnTokens
from cift_shared.settings import KeySettings, load_settings
from paypal_method.rail import RAIL
from paypal_worker.client import PayPalClient
from paypal_worker.context import ACCOUNT_RESTRICTED, Context
from paypal_worker.deposits import Deposits
from paypal_worker.refunds import Refunds
from paypal_worker.settings import PayPalConfig
from paypal_worker.token_store import MemoryTokens

_NO_WITHDRAWALS = Failure(
    "paypal_withdrawal_unsupported",
    FailureCategory.INVALID,
    "Withdrawals to PayPal are not offered.",
    retryable=False,
)


class PayPalProcessor:
    """Implements `PaymentProcessor` and `CancelsAtProvider` over one PayPal account."""

    rail = RAIL.name

    def __init__(
        self,
        config: PayPalConfig,
        api: PayPalClient,
        *,
        vault: Vault,
        returns: ReturnTokens,
        clock: Clock,
    ) -> None:
        """Create the processor from the shared parts of a worker.

        Raises:
            SettingsInvalid: the fee schedule can't be read.
        """
        self._context = Context(config, api, vault, returns, clock)
        self._fees = load_schedule(config.fee_schedule)
        self._deposits = Deposits(self._context)
        self._refunds = Refunds(self._context)

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """False: PayPal forgets our keys after hours or days, so we read first."""
        return False

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Create the order that the payer must approve.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:  # noqa: ARG002
        """Decline: the rail offers no withdrawals."""
        step = self._context.step("withdrawal.not_offered")
        return Answer(Declined(_NO_WITHDRAWALS), evidence=[step])

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Refund a deposit, whole or in part; raises the same errors as `process_deposit`."""
        return await self._refunds.submit(attempt)

    async def process_cancel(self, attempt: Attempt) -> Answer:
        """Cancel a deposit whose capture was not sent.

        Raises:
            ProviderRejectedRequest: a refund can't be canceled.
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        if attempt.operation == "deposit":
            return await self._deposits.cancel(attempt)
        raise ProviderRejectedRequest("not_cancelable", "PayPal does not cancel this")

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

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the fee schedule.

        Raises:
            InvalidCommand: the schedule has no fee for this amount and direction.
        """
        return self._fees.fee(amount, method=RAIL.priced_as, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next query; None: an operator must decide the payment."""
        is_slow = attempt.operation != "deposit" or bool(attempt.memory.get("capture"))
        return self._context.check_delay(attempt, "slow" if is_slow else "payment")

    def unavailable_reason(self) -> str | None:
        """Why no payment can reach PayPal now: no answers, or our account is refused."""
        if self._context.account.is_paused:
            return ACCOUNT_RESTRICTED
        return PROVIDER_UNAVAILABLE if self._context.api.is_unavailable else None

    def fingerprint(self, reference: str) -> str:
        """The keyed hash of a PayPal id, as attempts store it."""
        return self._context.fingerprint(reference)

    def read_fingerprint(self, body: bytes) -> None:
        """None: a notice is read only after it was proven (`Notices.find_attempts`)."""

    async def close(self) -> None:
        """Close the connections to PayPal."""
        await self._context.api.close()


def build_processor(config: PayPalConfig) -> PayPalProcessor:
    """A processor without a database: keys from the environment, its access token in memory.

    Raises:
        SettingsInvalid: a key is missing.
    """
    keys, clock = load_settings(KeySettings), SystemClock()
    return PayPalProcessor(
        config,
        PayPalClient(config, MemoryTokens(clock), clock),
        vault=keys.vault(),
        returns=keys.return_tokens(),
        clock=clock,
    )
