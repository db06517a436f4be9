"""Implement the processor port for M-Pesa Kenya.

    deposit     STK Push ............ ActionRequired -> notice + STK query ........ final
                answer lost ......... Unknown -> records + Transaction Status ..... final
    withdrawal  B2C v3 .............. Submitted -> notice + Transaction Status .... final
    refund      whole, with receipt:  Reversal -> its result notice ............... final
                any other:            B2C v3, as a withdrawal

Final means settled, declined, expired or conflicting. For a reversal, code R000001 ("already
reversed") also means settled. "Records" are the rows that Pull Transactions returns.

An STK push carries no idempotency key, so it is never sent twice. A payout and a reversal may be
sent again: Daraja refuses the second request with an error or result code of its own.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.attempts.processor import PROVIDER_UNAVAILABLE, Answer, Attempt, Notice
from cift_shared.clock import Clock, SystemClock
from cift_shared.errors import SettingsInvalid
from cift_shared.messaging.messages import RequestRefund
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import KeySettings, load_settings
from mpesa_method.rail import RAIL
from mpesa_worker import domain, wire
from mpesa_worker.client import DarajaClient
from mpesa_worker.context import Context, Operator, OperatorGuard
from mpesa_worker.deposits import Deposits
from mpesa_worker.payouts import Payouts
from mpesa_worker.pushes import MemoryPushReferences
from mpesa_worker.reversals import Reversals
from mpesa_worker.settings import MpesaConfig
from mpesa_worker.token_store import MemoryTokens
from mpesa_worker.unresolved_pushes import PushStores


class MpesaProcessor:
    """Implements `cift_shared.attempts.processor.PaymentProcessor` over one Daraja client."""

    rail = RAIL.name

    def __init__(
        self,
        config: MpesaConfig,
        client: DarajaClient,
        *,
        vault: Vault,
        callback_tokens: CallbackTokens,
        clock: Clock,
        push_stores: PushStores | None = None,
    ) -> None:
        """Create the processor from the shared parts of a worker.

        Args:
            config: the settings.
            client: sends the requests to Daraja.
            vault: encrypts personal data.
            callback_tokens: makes the token in each callback path.
            clock: the source of the current time.
            push_stores: the stored references of pushes and the rows pulled from the provider's
                records. None: references are computed, not stored, and no records are read.

        Raises:
            SettingsInvalid: the certificate or the fee schedule can't be read.
        """
        operator_guard = OperatorGuard(_operator(config), clock)
        self._context = Context(config, client, vault, callback_tokens, clock, operator_guard)
        self._fees = load_schedule(config.fee_schedule)
        self._deposits = Deposits(
            self._context, push_stores or PushStores(MemoryPushReferences(vault))
        )
        self._payouts = Payouts(self._context)
        self._reversals = Reversals(self._context)

    def resend_is_safe(self, operation: Operation) -> bool:
        """False for a deposit, because two pushes can be paid twice; True for the others."""
        return operation != "deposit"

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Send an STK push: the payer's phone shows a prompt for the PIN.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Send a payout to the recipient's phone; raises the same errors as `process_deposit`."""
        return await self._payouts.submit(attempt, remarks="Withdrawal")

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Refund a deposit: the whole one by reversal, a part of it by payout.

        A whole deposit without a receipt is also refunded by payout. Raises the same errors as
        `process_deposit`.
        """
        if _is_reversal(attempt):
            return await self._reversals.submit(attempt)
        return await self._payouts.submit(attempt, remarks="Refund")

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Read the notices of an attempt and query Daraja for its current state.

        Raises:
            PaymentProcessorError: the query could not be sent, and there were no notices. The
                attempt is unchanged.
        """
        if attempt.operation == "deposit":
            return await self._deposits.check(attempt, notices)
        if _is_reversal(attempt):
            return await self._reversals.check(attempt, notices)
        return await self._payouts.check(attempt, notices)

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the fee schedule.

        Raises:
            InvalidCommand: the schedule has no fee for this amount and direction.
        """
        return self._fees.fee(amount, method=RAIL.priced_as, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next query; None after a day: an operator must decide."""
        created, speed = attempt.created_at, self._context.config.check_speed
        age = self._context.clock.now() - created if created else None
        return domain.check_delay(attempt.checks, age, speed=speed)

    def unavailable_reason(self) -> str | None:
        """`provider_unavailable` while Daraja gives no answers; see `AnswerWatch`."""
        return PROVIDER_UNAVAILABLE if self._context.client.is_unavailable else None

    def read_fingerprint(self, body: bytes) -> str | None:
        """The fingerprint of the reference in a notice without a callback token of ours.

        None when the body carries no reference. The engine finds the attempt by this fingerprint.
        """
        callback = wire.read_stk_callback(body)
        reference = callback.checkout_id if callback else None
        if reference is None:
            result = wire.read_result(body)
            reference = result.originator_id if result else None
        return self._context.fingerprint(reference) if reference else None

    async def close(self) -> None:
        """Close the connections to Daraja."""
        await self._context.client.close()


def build_processor(config: MpesaConfig) -> MpesaProcessor:
    """A processor without a database: keys from the environment, its access token in memory.

    Raises:
        SettingsInvalid: a key is missing, or the certificate can't be read.
    """
    keys, clock = load_settings(KeySettings), SystemClock()
    vault, callback_tokens = keys.vault(), keys.callback_tokens()
    return MpesaProcessor(
        config,
        DarajaClient(config, MemoryTokens(clock), clock),
        vault=vault,
        callback_tokens=callback_tokens,
        clock=clock,
    )


def _is_reversal(attempt: Attempt) -> bool:
    request = attempt.request
    return isinstance(request, RequestRefund) and domain.refund_route(request) == "reversal"


def _operator(config: MpesaConfig) -> Operator | None:
    name, password = config.initiator_name, config.initiator_password
    if name is None or password is None or config.certificate_file is None:
        return None
    try:
        certificate = config.certificate_file.read_bytes()
    except OSError as error:
        raise SettingsInvalid(
            f"MPESA_CERTIFICATE_FILE: {config.certificate_file} can't be read: {error.strerror}"
        ) from error
    return Operator(name, domain.security_credential(password.get_secret_value(), certificate))
