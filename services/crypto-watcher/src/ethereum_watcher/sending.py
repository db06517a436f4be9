"""The transactions of one payout: the latest signed one is sent, and replaced while it is stuck.

All of them have one nonce, so at most one is ever in the chain. Only stored bytes are sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from chain_watch.domain import Tip
from cift_shared.failpoints import failpoint
from ethereum_watcher.broadcast_codes import Broadcast
from ethereum_watcher.ether_transfers import Transfer, parse
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.payout_fees import Fee, raised_fee
from ethereum_watcher.payout_plans import Room, Version


class Progress(StrEnum):
    """What became of a payout that is in no block."""

    SENT = "sent"
    """Nodes have it, or will get it again."""
    RAISED = "raised"
    """A version with a higher fee is stored for the signer."""
    AT_LIMIT = "at_limit"
    """It is stuck, and its fee can't be raised further."""
    TROUBLE = "trouble"
    """A node's answer is a case for an operator."""
    PASSED = "passed"
    """A transaction that is not ours has used its nonce."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How far a payout is."""

    progress: Progress
    version: Version
    answer: Broadcast | None = None
    """What the nodes said; None: nothing was sent."""


_TROUBLE = frozenset({Broadcast.NO_FUNDS, Broadcast.REFUSED})


def with_offer(old: Transfer, offer: Fee) -> Transfer:
    """The same transfer with another fee."""
    return replace(old, tip=offer.tip, max_fee=offer.max_fee)


@dataclass(frozen=True, slots=True)
class Sending:
    """Sends and replaces; holds no key."""

    context: PayoutContext
    remake: Callable[[Transfer, Fee], Transfer | None] = with_offer
    """What replaces a transfer, with another fee; None: it is not worth that."""

    async def advance(self, payment_id: UUID, versions: Sequence[Version], tip: Tip) -> Sent:
        """Send the latest signed version; store a replacement if it is stuck.

        Raises:
            NodeFailed: it is stuck, and no node tells the fee of now.
        """
        latest = [one for one in versions if one.raw is not None][-1]
        if latest.is_passed and tip.is_settled:
            return Sent(Progress.PASSED, latest)
        answer = await self._send(payment_id, latest, tip)
        is_newest = latest.version == versions[-1].version
        if is_newest and latest.is_next and self._wants_more(latest, answer, tip):
            is_raised = await self._raise(payment_id, latest)
            return Sent(Progress.RAISED if is_raised else Progress.AT_LIMIT, latest, answer)
        is_strange = answer is Broadcast.UNDERPRICED and latest.version == 1
        # A replacement that is not signed yet will do what this one can't.
        is_trouble = is_newest and (answer in _TROUBLE or is_strange)
        return Sent(Progress.TROUBLE if is_trouble else Progress.SENT, latest, answer)

    def _wants_more(self, version: Version, answer: Broadcast, tip: Tip) -> bool:
        """True after so many blocks without it, or if a node wants a higher fee.

        Only a later version competes with one of ours: what is in the way of the first is somebody
        else's, which is a case for an operator.
        """
        blocks = self.context.config.bump_after_blocks
        is_stuck = version.sent_height is not None and tip.height - version.sent_height >= blocks
        is_ours = answer is Broadcast.UNDERPRICED and version.version > 1
        return is_stuck or is_ours or answer is Broadcast.FEE_TOO_LOW

    async def _send(self, payment_id: UUID, version: Version, tip: Tip) -> Broadcast:
        """Send the stored bytes to every node; the best answer counts."""
        if version.raw is None:
            raise AssertionError("not signed")
        if version.sent_at is None:
            at = self.context.clock.now()
            await self.context.store.mark_sent(payment_id, version.version, at=at, tip=tip.height)
        failpoint("ethereum.before_broadcast")
        result = await self.context.broadcast(version.raw)
        failpoint("ethereum.after_broadcast")
        return result

    async def _raise(self, payment_id: UUID, latest: Version) -> bool:
        """Store the next version; False: none within the budget, or too little ether."""
        config = self.context.config
        offer = raised_fee(
            latest.offer, await self.context.offer(), gas=latest.gas, cost_max=config.payout_fee_max
        )
        if offer is None:
            return False
        old = parse(latest.unsigned)

        def make(room: Room) -> Transfer | None:
            made = self.remake(old, offer)
            # What it pays of a token is set aside since the first version.
            return made if made is not None and made.ether_max <= room.wei else None

        return await self.context.store.plan_next(payment_id, latest.version + 1, make)
