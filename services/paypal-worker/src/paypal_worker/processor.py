"""Implement the processor port for PayPal.

    deposit     order: create -> the payer approves -> capture -> Settled | Declined | Expired
    setup       approval of later deposits ........... Saved | ActionRequired | Declined
    refund      refund of the capture ................. Settled | Submitted | Declined
    withdrawal  payout: an item of a batch ........... Settled | Declined; later Reversed

Only an order whose id is stored is captured, so a deposit is never sent again blindly; a refund is
looked for before it is created again. A payout is
sent again only while PayPal remembers its id.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.attempts.processor import (
    PROVIDER_UNAVAILABLE,
    Answer,
    Attempt,
    FloatRules,
    MethodAttempt,
    Notice,
)
from cift_shared.clock import Clock, SystemClock
from cift_shared.errors import ProviderRejectedRequest
from cift_shared.messaging.outcomes import Pending
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
from paypal_worker.payouts import Payouts
from paypal_worker.records import Records
from paypal_worker.refunds import Refunds
from paypal_worker.saved_accounts import SavedAccounts
from paypal_worker.settings import PayPalConfig
from paypal_worker.token_store import MemoryTokens

_FLOAT_EVERY = timedelta(seconds=60)
"""Time between two reads of our balance."""


class PayPalProcessor:
    """Implements the port over one PayPal account.

    Also `CancelsAtProvider`, `ReportsFloat` and `SavedMethodProvider`.
    """

    rail = RAIL.name

    def __init__(
        self,
        config: PayPalConfig,
        api: PayPalClient,
        *,
        vault: Vault,
        returns: ReturnTokens,
        clock: Clock,
        records: Records | None = None,
    ) -> None:
        """Create the processor from the shared parts of a worker.

        Without `records` they are kept in memory.

        Raises:
            SettingsInvalid: the fee schedule can't be read.
        """
        records = records or Records()
        self._context = Context(config, api, vault, returns, clock)
        self._fees = load_schedule(config.fee_schedule)
        self._deposits = Deposits(self._context)
        self._refunds = Refunds(self._context)
        self._payouts = Payouts(self._context, records.places)
        self._saved_accounts = SavedAccounts(self._context, records.consents)

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """False: PayPal forgets our keys after hours or days, so we read first."""
        return False

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Create the order that the payer must approve.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Pay out to a PayPal account; raises the same errors as `process_deposit`."""
        return await self._payouts.submit(attempt)

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Refund a deposit, whole or in part; raises the same errors as `process_deposit`."""
        return await self._refunds.submit(attempt)

    async def process_cancel(self, attempt: Attempt) -> Answer:
        """Cancel a deposit whose capture was not sent, or a payout that nobody has claimed.

        Raises:
            ProviderRejectedRequest: a refund can't be canceled.
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        if attempt.operation == "deposit":
            return await self._deposits.cancel(attempt)
        if attempt.operation == "withdrawal":
            return await self._payouts.cancel(attempt)
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
            case "withdrawal":
                return await self._payouts.check(attempt, notices)

    async def process_setup(self, attempt: MethodAttempt) -> Answer:
        """Save an account, or begin with its owner's approval; raises as `process_deposit`."""
        return await self._saved_accounts.submit(attempt)

    async def process_detach(self, attempt: MethodAttempt) -> Answer:
        """Delete a saved account's approval at PayPal; raises as `process_deposit`."""
        return await self._saved_accounts.detach(attempt)

    async def get_method_status(
        self, attempt: MethodAttempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Query a setup or deletion and take its next step; raises as `process_deposit`."""
        if attempt.operation == "setup":
            return await self._saved_accounts.check(attempt, notices)
        return Answer(Pending()) if attempt.ended else await self._saved_accounts.detach(attempt)

    def method_check_delay(self, attempt: MethodAttempt) -> timedelta | None:
        """How long to wait before the next query; None after a day."""
        return self._saved_accounts.check_delay(attempt)

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the fee schedule.

        Raises:
            InvalidCommand: the schedule has no fee for this amount and direction.
        """
        return self._fees.fee(amount, method=RAIL.priced_as, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next query; None: an operator must decide the payment."""
        if attempt.operation == "withdrawal":
            return self._payouts.check_delay(attempt)
        is_slow = attempt.operation != "deposit" or bool(attempt.memory.get("capture"))
        return self._context.check_delay(attempt, "slow" if is_slow else "payment")

    def float_rules(self) -> FloatRules:
        """Below which balances withdrawals are refused, and how often the balance is read."""
        return FloatRules(self._context.config.float_minimum, every=_FLOAT_EVERY)

    async def get_float(self) -> Sequence[Money]:
        """What can be paid out now, for each currency; raises as `process_deposit`."""
        return await self._payouts.get_balances()

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
