"""Implement the processor port for M-Pesa Tanzania.

    deposit     C2B single stage ... ActionRequired -> notice + query ........ final
    withdrawal  B2C single stage ... Submitted ------> notice + query ........ final
    refund      reversal, whole or partial; without a receipt B2C, as a withdrawal

Final means settled, declined or expired. In synchronous use the answer to the request is final.
Every request has a key of ours on which Vodacom acts once. A request that may have arrived is
queried first, and sent again only if the query shows nothing of it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.attempts.processor import PROVIDER_UNAVAILABLE, Answer, Attempt, Notice
from cift_shared.clock import Clock, SystemClock
from cift_shared.database.lease import Lease
from cift_shared.ids import AttemptId
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from cift_shared.runtime.job import Job
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import KeySettings, load_settings
from vodacom_method.rail import RAIL
from vodacom_worker import domain, wire
from vodacom_worker.client import VodacomClient
from vodacom_worker.context import Context
from vodacom_worker.payments import Payments
from vodacom_worker.payout_pause import PayoutPause
from vodacom_worker.session_store import MemorySessions, SessionTimes, SharedSessions
from vodacom_worker.settings import VodacomConfig

RENEW_EVERY_S = 20
"""Time between two looks at the end of the session, divided by the check speed."""


class VodacomProcessor:
    """Implements `cift_shared.attempts.processor.PaymentProcessor` over one application."""

    rail = RAIL.name

    def __init__(
        self,
        config: VodacomConfig,
        client: VodacomClient,
        *,
        vault: Vault,
        clock: Clock,
        sessions: SharedSessions | None = None,
    ) -> None:
        """Create the processor from the shared parts of a worker.

        `sessions` are renewed in advance; None: a session is requested when the last one ends.

        Raises:
            SettingsInvalid: the fee schedule can't be read.
        """
        self._pause = PayoutPause(clock, config.check_speed)
        self._context = Context(config, client, vault, clock, self._pause)
        self._fees = load_schedule(config.fee_schedule)
        self._payments = Payments(self._context)
        self._sessions = sessions

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """False: a request that may have arrived is queried before it is sent again."""
        return False

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Request a payment: the payer's phone shows a prompt for the PIN.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        return await self._payments.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Send a payout to the recipient's phone; raises the same errors as `process_deposit`."""
        return await self._payments.submit(attempt)

    async def process_refund(self, attempt: Attempt) -> Answer:
        """Reverse a deposit, whole or in part; raises the same errors as `process_deposit`."""
        return await self._payments.submit(attempt)

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Read the notices of an attempt and query Vodacom for its current state.

        Raises:
            PaymentProcessorError: the query could not be sent, and there were no notices. The
                attempt is unchanged.
        """
        return await self._payments.check(attempt, notices)

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the fee schedule.

        Raises:
            InvalidCommand: the schedule has no fee for this amount and direction.
        """
        return self._fees.fee(amount, method=RAIL.priced_as, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next query; None after a day: an operator must decide."""
        speed = self._context.config.check_speed
        return domain.check_delay(attempt.checks, self._context.age(attempt), speed=speed)

    def unavailable_reason(self) -> str | None:
        """`provider_unavailable` while Vodacom gives no answers."""
        return PROVIDER_UNAVAILABLE if self._context.client.is_unavailable else None

    def longest_work(self) -> timedelta:
        """In synchronous use a call is open while the payer enters the PIN."""
        return self._context.config.longest_work

    def low_float(self) -> Sequence[str]:
        """The currency while payouts are paused, because M-Pesa refused one for lack of money."""
        return self._pause.low()

    def jobs(self) -> Sequence[Job]:
        """Request the next session before the current one ends."""
        if self._sessions is None:
            return []
        every = self._context.delay(RENEW_EVERY_S)
        return [Job(name="session", every=every, work=self._renew_session)]

    async def _renew_session(self, lease: Lease) -> None:
        if self._sessions is not None and lease.is_sure:
            await self._sessions.renew_ahead(self._context.client.issue_session)

    def read_fingerprint(self, body: bytes) -> AttemptId | None:
        """The attempt in a notice: Vodacom sends our key back. None for any other body."""
        notice = wire.read_notice(body)
        return domain.attempt_of(notice.key) if notice else None

    async def close(self) -> None:
        """Close the connections to Vodacom."""
        await self._context.client.close()


def build_processor(config: VodacomConfig) -> VodacomProcessor:
    """A processor without a database: keys from the environment, its session in memory.

    Raises:
        SettingsInvalid: a key is missing or can't be read.
    """
    keys, clock = load_settings(KeySettings), SystemClock()
    sessions = MemorySessions(clock, SessionTimes.at_speed(config.check_speed))
    client = VodacomClient(config, sessions, clock)
    return VodacomProcessor(config, client, vault=keys.vault(), clock=clock)
