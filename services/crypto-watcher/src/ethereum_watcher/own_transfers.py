"""The fees of transactions that no payment bears: the ledger is told each once it is final.

    a transaction that only used a nonce up, a consolidation, ether for gas; failed ones, too
    -> in a final block -> the ledger is told its fee, once

Nothing is posted for the money itself: all of our addresses are one account of the ledger.
"""

from prometheus_client import Counter

from chain_watch.fence import fenced
from cift_shared.attempts.charged import charged_result
from cift_shared.database.lease import Lease
from cift_shared.failpoints import failpoint
from cift_shared.messaging import outbox
from cift_shared.messaging.charged import ProviderCharge
from cift_shared.messaging.envelope import OutgoingMessage, outgoing
from cift_shared.messaging.topics import RESULTS
from cift_shared.money.amount import Money
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from ethereum_method.rail import RAIL
from ethereum_watcher.domain import COIN
from ethereum_watcher.hot_account import SCHEMA
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.transfer_store import Charge, StoredTransfers, end

CHARGED = Counter(
    "cift_ethereum_transfers_total",
    "Transactions that no payment asked for whose fee was reported to the ledger.",
    ["purpose"],
)

log = get_logger()


class OwnTransfers:
    """Looks after the fees of transactions that no payment asked for."""

    def __init__(self, store: StoredTransfers, context: PayoutContext) -> None:
        self._store = store
        self._context = context

    def job(self) -> Job:
        """The job; one process at a time leads it."""
        return Job(name="own_transfers", every=self._context.resend_every, work=self.run)

    async def run(self, lease: Lease) -> None:
        """Report every fee that is final.

        Raises:
            LeaseLost: another process leads; nothing was changed.
            ProviderUnavailable: the chain was never read.
        """
        tip = await self._context.tip()
        if not tip.is_settled or tip.final_height is None:
            return
        for charge in await self._store.uncharged(tip.final_height):
            await self._report(lease, charge)

    async def _report(self, lease: Lease, charge: Charge) -> None:
        """Tell the ledger the fee, in the transaction that notes it as told."""
        now = self._context.clock.now()
        async with fenced(self._store.pool, SCHEMA, lease) as connection:
            if not await end(connection, charge, now):
                return
            if charge.fee:
                await outbox.store(connection, SCHEMA, [self._message(charge)])
            failpoint("ethereum.before_charge_commit")
        failpoint("ethereum.after_charge_commit")
        CHARGED.labels(charge.purpose).inc()
        fields = {"transaction": charge.hash, "purpose": charge.purpose}
        if charge.has_moved:
            log.info("ethereum.transfer_confirmed", **fields)
        else:
            log.error("ethereum.transfer_failed", **fields)

    def _message(self, charge: Charge) -> OutgoingMessage:
        now, livemode = self._context.clock.now(), self._context.config.mode == "live"
        result = charged_result(
            RAIL,
            charge.hash,
            Money(charge.fee, COIN),
            ProviderCharge(livemode=livemode, cause=charge.purpose),
            occurred_at=now,
        )
        return outgoing(RESULTS, result, source=f"{RAIL.name}-worker", at=now)
