"""The account's nonces: every one of them ends in a block, whatever becomes of its withdrawal.

    the signer refuses a plan -> its nonce is given back, and the next plan takes it
    a later one is signed, and no plan takes it -> a transaction to ourselves without ether uses it

A transaction of the account that is not ours raises an alarm, once.
"""

from uuid import UUID

from prometheus_client import Counter

from chain_watch.rpc import NodeFailed
from cift_shared.database.lease import Lease
from cift_shared.ids import IdFactory
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.mapping import TRANSFER_GAS
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.payout_plans import Room
from ethereum_watcher.sending import Sending

FOREIGN = Counter(
    "cift_ethereum_foreign_transactions_total",
    "Transactions of the account that pays withdrawals which are not ours.",
)

log = get_logger()


class NonceGaps:
    """Keeps the account's nonces without gaps."""

    def __init__(self, context: PayoutContext, ids: IdFactory) -> None:
        self._context = context
        self._store = context.store
        self._sending = Sending(context)
        self._ids = ids

    def job(self) -> Job:
        """The job; one process at a time leads it."""
        return Job(name="nonce_gaps", every=self._context.resend_every, work=self.run)

    async def run(self, lease: Lease) -> None:
        """Give nonces back, fill gaps, send what fills them, and tell of strangers.

        Raises:
            NodeFailed: no node tells the fee of now.
            LeaseLost: another process leads.
        """
        await self._tell_foreign(lease)
        await self._store.release_refused(lease)
        await self._fill(lease)
        for payment_id in await self._store.open_fillers():
            await self._advance(payment_id)

    async def _tell_foreign(self, lease: Lease) -> None:
        for row in await self._store.tell_foreign(lease):
            log.error(
                "ethereum.foreign_transaction",
                transaction=row["hash"],
                nonce=row["nonce"],
                height=row["height"],
                meaning="somebody else has used the key of the account that pays withdrawals",
            )
            FOREIGN.inc()

    async def _fill(self, lease: Lease) -> None:
        room, highest = await self._store.room(), await self._store.highest_signed()
        if room is None or highest is None or room.nonce >= highest:
            return
        if not await self._store.has_signer():
            return
        offer, hot = await self._context.offer(), self._context.hot

        def make(room: Room) -> Transfer | None:
            transfer = Transfer(
                chain_id=self._context.config.chain_id,
                nonce=room.nonce,
                tip=offer.tip,
                max_fee=offer.max_fee,
                gas=TRANSFER_GAS,
                account=hot.script,
                wei=0,
            )
            is_gap = room.nonce < highest
            return transfer if is_gap and transfer.fee_max <= room.wei else None

        if await self._store.plan_filler(lease, self._ids.new_id(), make):
            log.warning("ethereum.nonce_filled", nonce=room.nonce)

    async def _advance(self, payment_id: UUID) -> None:
        versions = await self._store.versions(payment_id)
        if all(one.raw is None for one in versions):
            return
        try:
            await self._sending.advance(payment_id, versions, await self._context.tip())
        except NodeFailed as error:
            log.warning("ethereum.filler_not_sent", error=str(error))
