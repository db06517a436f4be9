"""Put small coins together while the network is cheap.

    more small coins than a number, a low fee rate -> transaction stored, coins reserved
    the signer signs it -> its bytes are sent, and sent again until they are in a block
    the signer refuses it -> its coins are given back

It has one version: what was planned at a low rate is not worth a higher fee, and waits.
"""

from collections.abc import Sequence
from datetime import timedelta

from bitcoin_watcher.broadcast_codes import Broadcast
from bitcoin_watcher.chain_store import SCHEMA
from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.consolidation import consolidation_draft
from bitcoin_watcher.consolidation_store import (
    OPEN,
    PLANNED_SINCE,
    Consolidation,
    give_back,
    plan,
)
from bitcoin_watcher.payout_context import WalletContext
from bitcoin_watcher.payout_drafts import Frame
from bitcoin_watcher.spend_store import Draft
from bitcoin_watcher.transfer_store import StoredTransfers
from chain_watch.domain import Tip
from chain_watch.fence import fenced
from cift_shared.database.lease import Lease
from cift_shared.failpoints import failpoint
from cift_shared.ids import IdFactory
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job

_FINE = frozenset({Broadcast.ACCEPTED, Broadcast.CONFIRMED, Broadcast.UNKNOWN})

log = get_logger()


class Consolidations:
    """Plans them and sends them; holds no key."""

    def __init__(self, store: StoredTransfers, context: WalletContext, ids: IdFactory) -> None:
        self._pool = store.pool
        self._context = context
        self._config = context.config
        self._ids = ids
        self._told: set[tuple[str, str]] = set()

    def job(self) -> Job:
        """The job; one process at a time runs it."""
        return Job(name="consolidate", every=self._context.resend_every, work=self.run)

    async def run(self, lease: Lease) -> None:
        """Continue what is open; plan another one if it is time.

        Raises:
            LeaseLost: another process leads; nothing was changed.
            ProviderUnavailable: the chain was never read, or no node answers.
        """
        tip = await self._context.tip()
        if not tip.is_settled:
            return
        rows = await self._pool.fetch(OPEN)
        for one in [Consolidation(**row) for row in rows]:
            await self._continue(lease, one, tip)
        if not rows and self._config.consolidate_fee_max:
            await self._plan(lease, tip)

    async def _plan(self, lease: Lease, tip: Tip) -> None:
        since = self._context.clock.now() - timedelta(seconds=self._config.consolidate_every_s)
        if await self._pool.fetchval(PLANNED_SINCE, since):
            return
        rate = await self._context.rate()
        if rate > self._config.consolidate_fee_max * 1000:
            return
        if not await self._context.store.has_signer():
            return

        def make(coins: Sequence[Coin], index: int) -> Draft | None:
            frame = Frame(self._context.change_script(index), tip.height)
            return consolidation_draft(
                self._context.signable(coins), frame, rate=rate,
                more_than=self._config.consolidate_coins,
                fee_max=self._config.payout_fee_max,
            )  # fmt: skip

        async with fenced(self._pool, SCHEMA, lease) as connection:
            planned = await plan(
                connection, self._ids.new_id(), make, tip=tip.height,
                depth=self._config.confirmations, satoshi_max=self._config.consolidate_satoshi,
            )  # fmt: skip
            if not planned:
                return
            failpoint("bitcoin.before_consolidation_commit")
        failpoint("bitcoin.after_consolidation_commit")
        log.info("bitcoin.consolidation_planned", rate=rate)

    async def _continue(self, lease: Lease, one: Consolidation, tip: Tip) -> None:
        if one.refusal is not None:
            await self._give_back(lease, one)
        elif one.raw is not None:
            await self._send(one, one.raw, tip)

    async def _give_back(self, lease: Lease, one: Consolidation) -> None:
        async with fenced(self._pool, SCHEMA, lease) as connection:
            given = await give_back(connection, one, self._context.clock.now())
        if given:
            log.error("bitcoin.consolidation_refused", transaction=one.txid, reason=one.refusal)

    async def _send(self, one: Consolidation, raw: bytes, tip: Tip) -> None:
        """Send the stored bytes; what a node has against them is told once."""
        if one.sent_height is None:
            at = self._context.clock.now()
            await self._context.store.mark_sent(one.txid, at=at, tip=tip.height)
        failpoint("bitcoin.before_transfer_broadcast")
        result = await self._context.broadcast(raw)
        failpoint("bitcoin.after_transfer_broadcast")
        if result not in _FINE and (one.txid, result.value) not in self._told:
            self._told.add((one.txid, result.value))
            log.error("bitcoin.consolidation_trouble", transaction=one.txid, node=result.value)
