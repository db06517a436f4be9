"""Read the balance that a rail pays out from, and report the currencies in which it is too low.

The process that leads the job reports them in the rail's status; the gateway then refuses
withdrawals in these currencies (`float_low`).
"""

from datetime import datetime, timedelta

from cift_shared.attempts.processor import ReportsFloat
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job

VALID_FOR = timedelta(minutes=10)
"""How long a balance is used when no newer one can be read: a low balance that was topped up
meanwhile must not stop withdrawals forever."""

log = get_logger()


class FloatWatch:
    """The last balance that one process has read."""

    def __init__(self, processor: ReportsFloat, rail: str, clock: Clock) -> None:
        self._processor = processor
        self._rail = rail
        self._clock = clock
        self._low: tuple[str, ...] = ()
        self._read_at: datetime | None = None

    def job(self) -> Job:
        """The job that reads the balance."""
        every = self._processor.float_rules().every
        return Job(name="float", every=every, work=self.read_balance, when_lost=self.reset)

    def low(self) -> tuple[str, ...]:
        """Currencies whose balance is below the minimum.

        Empty if another process leads the job, or if the last balance is too old.
        """
        if self._read_at is None or self._clock.now() - self._read_at > VALID_FOR:
            return ()
        return self._low

    async def read_balance(self, lease: Lease) -> None:  # noqa: ARG002  it only reads
        """Read the balance at the provider, and set the metric.

        Raises:
            PaymentProcessorError: the balance could not be read.
        """
        minimum = self._processor.float_rules().minimum
        balances = await self._processor.get_float()
        for balance in balances:
            metrics.FLOAT_BALANCE.labels(self._rail, balance.currency).set(balance.minor)
        low = tuple(
            sorted(
                balance.currency
                for balance in balances
                if balance.currency in minimum and balance.minor < minimum[balance.currency].minor
            )
        )
        if low != self._low:
            log.warning("float.changed", rail=self._rail, low=low)
        self._low, self._read_at = low, self._clock.now()

    def reset(self) -> None:
        """Discard the balance: another process leads the job now."""
        self._low, self._read_at = (), None
