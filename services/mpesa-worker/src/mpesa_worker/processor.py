"""M-Pesa Kenya behind the processor port.

    deposit     STK Push ............ ActionRequired -> notice + STK query ......... Settled | no
    withdrawal  B2C v3 .............. Submitted ----> notice + Transaction Status .. Settled | no
    refund      whole, with receipt:  Reversal ----> its result (R000001 counts) .. Settled | no
                else B2C v3, as a withdrawal

A push has no key of ours, so it is never sent twice; a payout and a reversal may be: Daraja
refuses the second one in words of its own.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.callback_token import CallbackTokens
from cift_shared.clock import Clock, SystemClock
from cift_shared.errors import SettingsInvalid
from cift_shared.fees import Direction, load_schedule
from cift_shared.messages import RequestRefund
from cift_shared.methods import MPESA, Operation
from cift_shared.money import Money
from cift_shared.processor import Answer, Attempt, Notice
from cift_shared.settings import KeySettings, load_settings
from cift_shared.vault import Vault
from mpesa_worker import domain, wire
from mpesa_worker.client import DarajaClient
from mpesa_worker.deposits import Deposits
from mpesa_worker.flow import Flow, Operator, OperatorGate
from mpesa_worker.payouts import Payouts
from mpesa_worker.reversals import Reversals
from mpesa_worker.settings import MpesaConfig
from mpesa_worker.token_store import MemoryTokens


class MpesaProcessor:
    """Implements `cift_shared.processor.PaymentProcessor` over one Daraja client."""

    method = MPESA.name

    def __init__(
        self,
        config: MpesaConfig,
        client: DarajaClient,
        *,
        vault: Vault,
        callback_tokens: CallbackTokens,
        clock: Clock,
    ) -> None:
        """Take the shared pieces of a worker.

        Raises:
            SettingsInvalid: the certificate or the fee schedule can't be read.
        """
        gate = OperatorGate(_operator(config), clock)
        self._flow = Flow(config, client, vault, callback_tokens, clock, gate)
        self._fees = load_schedule(config.fee_schedule)
        self._deposits = Deposits(self._flow)
        self._payouts = Payouts(self._flow)
        self._reversals = Reversals(self._flow)

    def resend_is_safe(self, operation: Operation) -> bool:
        """True but for deposits: two pushes are two payments."""
        return operation != "deposit"

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Ask the payer's phone for the money.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Pay out to the recipient's phone; raises as `process_deposit`."""
        return await self._payouts.submit(attempt, remarks="Withdrawal")

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Give a deposit back, whole by reversal or in part by payout; raises likewise."""
        if _is_reversal(attempt):
            return await self._reversals.submit(attempt)
        return await self._payouts.submit(attempt, remarks="Refund")

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """What became of an attempt; raises only when there were no notices to learn from.

        Raises:
            PaymentProcessorError: the question could not be asked; the attempt is unchanged.
        """
        if attempt.operation == "deposit":
            return await self._deposits.check(attempt, notices)
        if _is_reversal(attempt):
            return await self._reversals.check(attempt, notices)
        return await self._payouts.check(attempt, notices)

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the schedule.

        Raises:
            InvalidCommand: the schedule has no price for it.
        """
        return self._fees.fee(amount, method=self.method, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next question; None after a day: people must look."""
        created, speed = attempt.created_at, self._flow.config.check_speed
        age = self._flow.clock.now() - created if created else None
        return domain.check_delay(attempt.checks, age, speed=speed)

    def read_fingerprint(self, body: bytes) -> str | None:
        """The fingerprint of the reference in a notice that came without a path of ours."""
        callback = wire.read_stk_callback(body)
        reference = callback.checkout_id if callback else None
        if reference is None:
            result = wire.read_result(body)
            reference = result.originator_id if result else None
        return self._flow.fingerprint(reference) if reference else None

    async def close(self) -> None:
        """Close the connections to Daraja."""
        await self._flow.client.close()


def build_processor(config: MpesaConfig) -> MpesaProcessor:
    """A processor that stands alone: keys from the environment, its token in its own memory.

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
    return isinstance(request, RequestRefund) and domain.refund_road(request) == "reversal"


def _operator(config: MpesaConfig) -> Operator | None:
    name, password = config.initiator_name, config.initiator_password
    if name is None or password is None or config.certificate_file is None:
        return None
    try:
        certificate = config.certificate_file.read_bytes()
    except OSError as error:
        raise SettingsInvalid("MPESA_CERTIFICATE_FILE: can't be read") from error
    return Operator(name, domain.security_credential(password.get_secret_value(), certificate))
