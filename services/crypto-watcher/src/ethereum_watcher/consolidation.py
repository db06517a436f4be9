"""What is moved from the address of a deposit to the account that pays. Pure, no I/O; in wei.

Each deposit has an address of its own, and withdrawals are paid by one account. Moving what a
deposit has left costs a fee, so it must be worth that.
"""

from dataclasses import dataclass, replace

from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.mapping import TRANSFER_GAS
from ethereum_watcher.payout_fees import Fee
from ethereum_watcher.payout_plans import Room


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When something is moved, and where to."""

    chain_id: int
    hot: bytes
    """The account that pays."""
    worth: int
    """Ether is moved if it is worth so many times the fee."""
    fee_max: int
    """The most that the network may take for one transaction."""

    def ether_min(self, offer: Fee) -> int:
        """The least ether that is moved at a fee."""
        return self.worth * TRANSFER_GAS * offer.max_fee

    def allows(self, gas: int, offer: Fee) -> bool:
        """True if a fee is within its limit."""
        return gas * offer.max_fee <= self.fee_max


def ether_moved(terms: Terms, room: Room, offer: Fee) -> Transfer | None:
    """All ether of an address, less the highest fee; None: it is not worth it now.

    Args:
        terms: when something is moved, and where to.
        room: what the address has for good, its next nonce, and how much is under way there.
        offer: what the network is offered.
    """
    is_worth = room.wei >= max(terms.ether_min(offer), 1)
    if room.count or not is_worth or not terms.allows(TRANSFER_GAS, offer):
        return None
    return Transfer(
        chain_id=terms.chain_id,
        nonce=room.nonce,
        tip=offer.tip,
        max_fee=offer.max_fee,
        gas=TRANSFER_GAS,
        account=terms.hot,
        wei=room.wei - TRANSFER_GAS * offer.max_fee,
    )


def with_fee_inside(old: Transfer, offer: Fee) -> Transfer | None:
    """The same transfer of all ether with another fee: amount and highest fee stay the same sum.

    None if it would cost more than it moves.
    """
    wei = old.ether_max - old.gas * offer.max_fee
    made = replace(old, tip=offer.tip, max_fee=offer.max_fee, wei=wei)
    return made if wei >= made.fee_max else None
