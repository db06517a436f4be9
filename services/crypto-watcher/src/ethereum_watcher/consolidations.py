"""Move what deposits have left at their addresses to the account that pays, when it is worth it.

    final ether at an address, worth so many times the fee -> transaction stored, with its nonce
    final tokens, so many at least -> the same; without ether for the fee there, that is sent first
    the signer signs it -> its bytes are sent, and sent again until a block has one of its versions
    stuck -> a version with a higher fee; of ether, it moves so much less
    the signer refuses it -> its nonce is given back; the address is looked at again a day later
    in a final block -> its fee is reported (`own_transfers`), and the next one may be planned

Each address has nonces of its own, and one transfer at a time. What comes meanwhile stays there and
is moved later. Whoever dies, the next run continues from what is stored.
"""

from dataclasses import replace

from chain_watch.domain import Tip
from chain_watch.heads import Agreed, agree
from chain_watch.rpc import NodeFailed
from cift_shared.database.lease import Lease
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.consolidation import with_fee_inside
from ethereum_watcher.consolidation_planner import Planner
from ethereum_watcher.consolidation_store import OpenTransfer, StoredConsolidations
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.sending import Progress, Sending, Sent

OPEN_MAX = 20
"""Transfers under way at the same time."""
_FINE = frozenset({Progress.SENT, Progress.RAISED})

log = get_logger()


class Consolidations:
    """Has them planned and sends them; holds no key."""

    def __init__(
        self, store: StoredConsolidations, context: PayoutContext, planner: Planner
    ) -> None:
        self._store = store
        self._context = context
        self._planner = planner
        self._looked_at: tuple[int, int] | None = None
        self._told: set[tuple[str, str]] = set()

    def job(self) -> Job:
        """The job; one process at a time leads it."""
        return Job(name="consolidate", every=self._context.resend_every, work=self.run)

    async def run(self, lease: Lease) -> None:
        """Continue what is open; plan more where it is worth it.

        Raises:
            LeaseLost: another process leads; nothing was changed.
            NodeFailed: too few nodes can be used, or none tells the fee of now.
            ProviderUnavailable: the chain was never read.
        """
        tip = await self._context.tip()
        if not tip.is_settled or tip.final_height is None:
            return
        await self._end(lease, tip.final_height)
        opened = await self._store.open_transfers()
        if not opened and not self._planner.is_on:
            return
        agreed = await agree(self._context.nodes)
        for one in opened:
            await self._advance(lease, agreed, one, tip)
        # Looked at once for each final block, and whenever a transfer has ended.
        look, most = (tip.final_height, len(opened)), OPEN_MAX - len(opened)
        if self._planner.is_on and most > 0 and self._looked_at != look:
            is_all = await self._planner.plan(lease, agreed, tip, tip.final_height, most=most)
            self._looked_at = look if is_all else None

    async def _end(self, lease: Lease, final_height: int) -> None:
        for row in await self._store.release_refused(lease):
            log.error("ethereum.consolidation_refused", index=row["index"], reason=row["reason"])
        for row in await self._store.end_passed(lease, final_height):
            log.error(
                "ethereum.consolidation_passed",
                index=row["index"],
                transaction=row["hash"],
                meaning="somebody else has used the key of its sender",
            )

    async def _advance(
        self, lease: Lease, agreed: Agreed[EthereumNode], one: OpenTransfer, tip: Tip
    ) -> None:
        """Send it, or replace it while it is stuck."""
        context, is_from_deposit = self._context, one.sender != self._context.hot.script
        if is_from_deposit:
            context = replace(context, store=context.store.of(one.sender))
            account = await self._planner.account(agreed, one.address, tip)
            await self._store.follow(lease, one.sender, account)
        versions = await context.store.versions(one.payment_id)
        if all(each.raw is None for each in versions) or any(each.height for each in versions):
            return
        is_of_all = is_from_deposit and one.contract is None
        sending = Sending(context, with_fee_inside) if is_of_all else Sending(context)
        try:
            self._tell(one, await sending.advance(one.payment_id, versions, tip))
        except NodeFailed as error:
            log.warning("ethereum.consolidation_not_sent", index=one.index, error=str(error))

    def _tell(self, one: OpenTransfer, sent: Sent) -> None:
        """Tell once what a node has against it, or that its fee is at the limit."""
        problem = (str(sent.version.hash), f"{sent.progress}/{sent.answer}")
        if sent.progress not in _FINE and problem not in self._told:
            self._told.add(problem)
            log.error(
                "ethereum.consolidation_trouble",
                index=one.index,
                transaction=sent.version.hash,
                problem=str(sent.progress),
                node=str(sent.answer),
            )
