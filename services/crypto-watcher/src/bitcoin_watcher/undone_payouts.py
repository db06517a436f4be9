"""Settled withdrawals that a reorganisation has taken out of the chain: their bytes are sent again.

The payment stays completed: its coins are reserved for ever, and the same bytes pay the same money.
"""

from prometheus_client import Counter

from bitcoin_watcher.payout_context import PayoutContext
from bitcoin_watcher.payout_store import StoredPayouts
from cift_shared.database.lease import Lease
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job

RESENT = Counter(
    "cift_bitcoin_payouts_resent_total", "Settled withdrawals that were in no block, sent again."
)

log = get_logger()


class UndonePayouts:
    """Looks for them, and gives back the coins of replaced versions once a payout is final."""

    def __init__(self, store: StoredPayouts, context: PayoutContext) -> None:
        self._store = store
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
        for payment_id, txid, raw in await self._store.undone():
            result = await self._context.broadcast(raw)
            log.error(
                "bitcoin.payout_undone",
                payment_id=str(payment_id),
                transaction=txid,
                node=result.value,
                meaning="a reorganisation took a settled withdrawal out of the chain",
            )
            RESENT.inc()
        await self._store.release_unused(tip=tip.height)
