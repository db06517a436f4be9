"""Watch the balance that a rail pays out from, and say in which currencies it is too low.

The process that leads the job reports it with the rail's status; the gateway then refuses
withdrawals in that currency before it accepts them (`float_low`).
"""

from datetime import datetime, timedelta

from cift_shared.attempts.processor import ReportsFloat
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job

COUNTS_FOR = timedelta(minutes=10)
"""How long a balance counts when the provider does not tell a newer one: a low balance that was
raised since must not stop withdrawals for good."""

log = get_logger()


class FloatWatch:
    """What one process knows of the balance."""

    def __init__(self, processor: ReportsFloat, rail: str, clock: Clock) -> None:
        self._processor = processor
        self._rail = rail
        self._clock = clock
        self._low: tuple[str, ...] = ()
        self._read_at: datetime | None = None

    def job(self) -> Job:
        """The job that reads the balance."""
        every = self._processor.float_rules().every
        return Job(name="float", every=every, work=self.look, when_lost=self.forget)

    def low(self) -> tuple[str, ...]:
        """Currencies whose balance is below the least one; empty where this process does not look,
        or the last balance is too old.
        """
        if self._read_at is None or self._clock.now() - self._read_at > COUNTS_FOR:
            return ()
        return self._low

    async def look(self, lease: Lease) -> None:  # noqa: ARG002  it reads only
        """Read the balance.

        Raises:
            PaymentProcessorError: the provider did not tell it.
        """
        least = self._processor.float_rules().least
        balances = await self._processor.get_float()
        for balance in balances:
            metrics.FLOAT_BALANCE.labels(self._rail, balance.currency).set(balance.minor)
        low = tuple(
            sorted(
                balance.currency
                for balance in balances
                if balance.currency in least and balance.minor < least[balance.currency].minor
            )
        )
        if low != self._low:
            log.warning("float.changed", rail=self._rail, low=low)
        self._low, self._read_at = low, self._clock.now()

    def forget(self) -> None:
        """Know nothing: another process looks now."""
        self._low, self._read_at = (), None
