"""Implement the processor port for MTN MoMo in one country.

    deposit     request to pay ..... ActionRequired -> notice + query ..... final
    withdrawal  wallet check, transfer .. Submitted -> notice + query ..... final
    refund      refund of the request to pay, as a withdrawal

Every request has an id of ours (X-Reference-Id), which MTN carries out once: after a lost answer it
is sent again under the same id, and "already there" leads to the query.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.attempts.processor import (
    PROVIDER_UNAVAILABLE,
    Answer,
    Attempt,
    FloatRules,
    Notice,
)
from cift_shared.clock import Clock, SystemClock
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import KeySettings, load_settings
from momo_method.rail import rail_of
from momo_worker import domain
from momo_worker.client import MomoClient
from momo_worker.context import Context
from momo_worker.deposits import Deposits
from momo_worker.payouts import Payouts
from momo_worker.refunds import Refunds
from momo_worker.sent_requests import MemorySentRequests, SentRequests
from momo_worker.settings import MomoConfig
from momo_worker.token_store import MemoryTokens

_FLOAT_EVERY = timedelta(seconds=30)
"""Time between two reads of our balance."""


class MomoProcessor:
    """Implements the port for one country. Also `ReportsAvailability` and `ReportsFloat`."""

    def __init__(
        self,
        config: MomoConfig,
        client: MomoClient,
        *,
        vault: Vault,
        callback_tokens: CallbackTokens,
        clock: Clock,
        sent: SentRequests | None = None,
    ) -> None:
        """Create the processor from the shared parts of a worker.

        `sent` remembers what was sent; None: in memory.

        Raises:
            SettingsInvalid: the fee schedule can't be read.
        """
        self.rail = config.country.rail
        self._priced_as = rail_of(config.country).priced_as
        sent = sent or MemorySentRequests(vault, clock)
        self._context = Context(config, client, sent, vault, callback_tokens, clock)
        self._fees = load_schedule(config.fee_schedule)
        self._deposits = Deposits(self._context)
        self._payouts = Payouts(self._context)
        self._refunds = Refunds(self._context)

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """True: MTN acts once on requests with one id, on the platform that it is sent to."""
        return True

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Send a request to pay: the payer's phone shows a prompt.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Pay out to a wallet; raises the same errors as `process_deposit`."""
        return await self._payouts.submit(attempt)

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Refund a deposit, whole or in part; raises the same errors as `process_deposit`."""
        return await self._refunds.submit(attempt)

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Query MTN for the state of an attempt; raises as `process_deposit`."""
        match attempt.operation:
            case "deposit":
                return await self._deposits.check(attempt, notices)
            case "withdrawal":
                return await self._payouts.check(attempt, notices)
            case "refund":
                return await self._refunds.check(attempt, notices)

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the fee schedule.

        Raises:
            InvalidCommand: the schedule has no fee for this amount and direction.
        """
        return self._fees.fee(amount, method=self._priced_as, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next query; None after a day: an operator must decide."""
        age = self._context.age(attempt) if attempt.created_at else None
        return domain.check_delay(attempt.checks, age, speed=self._context.config.check_speed)

    def float_rules(self) -> FloatRules:
        """Below which balance withdrawals are refused, and how often the balance is read."""
        return FloatRules(self._context.config.minimum, every=_FLOAT_EVERY)

    async def get_float(self) -> Sequence[Money]:
        """What can be paid out now; raises as `process_deposit`."""
        return [await self._payouts.get_balance()]

    def unavailable_reason(self) -> str | None:
        """`provider_unavailable` while MTN gives no answers in this country."""
        return PROVIDER_UNAVAILABLE if self._context.client.is_unavailable else None

    def read_fingerprint(self, body: bytes) -> None:
        """None: the path of a notice names its attempt, and the body proves nothing."""

    async def close(self) -> None:
        """Close the connections to MTN."""
        await self._context.client.close()


def build_processor(config: MomoConfig) -> MomoProcessor:
    """A processor without a database: keys from the environment, its state in memory.

    Raises:
        SettingsInvalid: a key is missing.
    """
    keys, clock = load_settings(KeySettings), SystemClock()
    return MomoProcessor(
        config,
        MomoClient(config, MemoryTokens(clock), clock),
        vault=keys.vault(),
        callback_tokens=keys.callback_tokens(),
        clock=clock,
    )
