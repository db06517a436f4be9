"""Ended withdrawals that a reorganisation has taken out of the chain: their bytes are sent again.

The payment stays completed: its nonce is reserved for ever, and the same bytes pay the same money.
One that ended because its recipient refused it is not sent again: it could pay now.
"""

from prometheus_client import Counter

from cift_shared.database.lease import Lease
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from ethereum_watcher.payout_context import PayoutContext

RESENT = Counter(
    "cift_ethereum_payouts_resent_total", "Ended withdrawals that were in no block, sent again."
)

log = get_logger()


class UndonePayouts:
    """Looks for them."""

    def __init__(self, context: PayoutContext) -> None:
        self._context = context

    def job(self) -> Job:
        """The job; only one process runs it, though sending twice would do no harm."""
        return Job(name="undone_payouts", every=self._context.resend_every, work=self.run)

    async def run(self, lease: Lease) -> None:  # noqa: ARG002  the bytes are those of before
        """Send every one of them again.

        Raises:
            ProviderUnavailable: the chain was never read.
        """
        tip = await self._context.tip()
        if not tip.is_settled:
            return
        for row in await self._context.store.undone():
            answer = "not_sent"
            if not row["has_failed"]:
                answer = (await self._context.broadcast(row["raw"])).value
                RESENT.inc()
            log.error(
                "ethereum.payout_undone",
                payment_id=str(row["payment_id"]),
                transaction=row["hash"],
                node=answer,
                meaning="a reorganisation took an ended withdrawal out of the chain",
            )
