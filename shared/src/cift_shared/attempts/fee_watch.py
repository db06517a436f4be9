"""Estimate periodically what the network charges for a payment, and report it.

The process that leads the job reports the estimates in the rail's status; the gateway adds them to
the price of payments while they are new enough. A process that no longer leads still reports its
last estimates: the gateway uses the newest of a rail.
"""

from collections.abc import Sequence
from datetime import timedelta

from cift_shared.attempts.processor import EstimatesNetworkFee
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.fees import DIRECTIONS
from cift_shared.rails.rail import Rail
from cift_shared.runtime.job import Job

EVERY = timedelta(seconds=10)
"""The gateway uses an estimate for a minute, so several estimates in a row may fail."""


class FeeWatch:
    """The last estimates that one process has made."""

    def __init__(self, processor: EstimatesNetworkFee, rail: Rail, clock: Clock) -> None:
        self._processor = processor
        self._rail = rail
        self._clock = clock
        self._fees: Sequence[NetworkFee] = ()

    def job(self) -> Job:
        """The job that estimates."""
        return Job(name="network_fee", every=EVERY, work=self.estimate)

    def fees(self) -> Sequence[NetworkFee]:
        """The last estimates, however old; empty before the first."""
        return self._fees

    async def estimate(self, lease: Lease) -> None:  # noqa: ARG002  it only reads
        """Estimate the fee of each kind of payment that the rail offers, in each currency.

        Raises:
            PaymentProcessorError: one could not be estimated; the last estimates stay.
        """
        at = self._clock.now()
        self._fees = [
            NetworkFee(
                type=direction,
                currency=currency,
                fee=await self._processor.estimate_network_fee(direction, currency),
                estimated_at=at,
            )
            for currency in sorted(self._rail.currencies)
            for direction in DIRECTIONS
            if self._rail.offers(direction, currency)
        ]
