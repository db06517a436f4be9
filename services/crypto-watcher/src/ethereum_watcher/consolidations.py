"""Move what deposits have left at their addresses to the account that pays, when it is worth it.

    final ether at an address, worth so many times the fee -> transaction stored, with its nonce
    the signer signs it -> its bytes are sent, and sent again until a block has one of its versions
    stuck -> a version with a higher fee, which moves so much less
    the signer refuses it -> its nonce is given back; the address is looked at again a day later
    in a final block -> its fee is reported (`own_transfers`), and the next one may be planned

Each address has nonces of its own, and one transfer at a time. What comes meanwhile stays there and
is moved later. It is all planned from what the chain has for good, so whoever dies, the next run
continues from what is stored.
"""

from collections.abc import Sequence
from dataclasses import replace

from chain_watch.domain import Tip
from chain_watch.heads import Agreed, NodesDisagree, agree
from chain_watch.rpc import NodeFailed
from cift_shared.database.lease import Lease
from cift_shared.ids import IdFactory
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from ethereum_watcher.addresses import AddressKey
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.consolidation import Terms, ether_moved, with_fee_inside
from ethereum_watcher.consolidation_store import (
    Account,
    OpenTransfer,
    Place,
    StoredConsolidations,
)
from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.payout_fees import Fee
from ethereum_watcher.payout_plans import Room
from ethereum_watcher.sending import Progress, Sending, Sent

OPEN_MAX = 20
"""Transfers under way at the same time."""
_FINE = frozenset({Progress.SENT, Progress.RAISED})

log = get_logger()


class Consolidations:
    """Plans them and sends them; holds no key."""

    def __init__(
        self, store: StoredConsolidations, context: PayoutContext, key: AddressKey, ids: IdFactory
    ) -> None:
        config = context.config
        self._store = store
        self._context = context
        self._key = key
        self._ids = ids
        self._terms = Terms(
            chain_id=config.chain_id,
            hot=context.hot.script,
            worth=config.consolidate_worth,
            fee_max=config.payout_fee_max,
        )
        self._looked_at: int | None = None
        self._of_another_key: set[int] = set()
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
        if not opened and not self._terms.worth:
            return
        agreed = await agree(self._context.nodes)
        for one in opened:
            await self._advance(lease, agreed, one, tip)
        if self._terms.worth:
            await self._plan(lease, agreed, tip, OPEN_MAX - len(opened))

    async def _end(self, lease: Lease, final_height: int) -> None:
        for row in await self._store.release_refused(lease):
            log.error("ethereum.consolidation_refused", index=row["index"], reason=row["reason"])
        for row in await self._store.end_passed(lease, final_height):
            log.error(
                "ethereum.consolidation_passed",
                index=row["index"],
                transaction=row["hash"],
                meaning="somebody else has used the key of this address",
            )

    async def _advance(
        self, lease: Lease, agreed: Agreed[EthereumNode], one: OpenTransfer, tip: Tip
    ) -> None:
        """Send it, or replace it while it is stuck."""
        context, is_from_deposit = self._context, one.sender != self._context.hot.script
        if is_from_deposit:
            context = replace(context, store=context.store.of(one.sender))
            account = await self._account(agreed, one.address, tip)
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

    async def _plan(self, lease: Lease, agreed: Agreed[EthereumNode], tip: Tip, count: int) -> None:
        final_height = tip.final_height or 0
        if count <= 0 or self._looked_at == final_height:
            return
        if not await self._context.store.has_signer():
            return
        offer = await self._context.offer()
        places = await self._store.with_ether(
            self._terms.ether_min(offer),
            final_height=final_height,
            but=self._of_another_key,
            limit=count,
        )
        for place in self._ours(places):
            await self._plan_ether(lease, agreed, place, offer, tip)
        if len(places) < count:
            self._looked_at = final_height

    def _ours(self, places: Sequence[Place]) -> Sequence[Place]:
        """Without the addresses of a key that was set before: the signer has not got it."""
        others = {one.index for one in places if self._key.derive(one.index).script != one.script}
        self._of_another_key |= others
        return [one for one in places if one.index not in others]

    async def _plan_ether(
        self, lease: Lease, agreed: Agreed[EthereumNode], place: Place, offer: Fee, tip: Tip
    ) -> None:
        account = await self._account(agreed, place.address, tip)
        final = await self._hash_at(tip.final_height or 0)
        held = await agreed.answer(lambda node: node.balance(place.address, final))

        def make(room: Room) -> Transfer | None:
            return ether_moved(self._terms, replace(room, wei=min(room.wei, held)), offer)

        if await self._store.plan(lease, self._ids.new_id(), place, account, make):
            log.info("ethereum.consolidation_planned", index=place.index, wei=str(held))

    async def _account(self, agreed: Agreed[EthereumNode], address: str, tip: Tip) -> Account:
        """An address of a deposit at our tip."""
        head = await self._hash_at(tip.height)
        nonce = await agreed.answer(lambda node: node.nonce(address, head))
        wei = await agreed.answer(lambda node: node.balance(address, head))
        return Account(tip.height, nonce, wei)

    async def _hash_at(self, height: int) -> str:
        found = await self._store.hash_at(height)
        if found is None:
            raise NodesDisagree(f"block {height} was never read")
        return found
