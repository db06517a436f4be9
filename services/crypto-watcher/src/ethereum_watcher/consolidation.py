"""What is moved from the address of a deposit to the account that pays. Pure, no I/O; in wei.

Each deposit has an address of its own, and withdrawals are paid by one account. Moving what a
deposit has left costs a fee, so it must be worth that. The fee of a token is paid in ether by its
address, which gets the ether first.
"""

from dataclasses import dataclass, replace

from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.mapping import TRANSFER_GAS
from ethereum_watcher.payout_fees import Fee
from ethereum_watcher.payout_plans import Room

GAS_PERCENT = 150
"""An address gets so much of the highest fee of its transaction: so that the fee can be raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When something is moved, and where to."""

    chain_id: int
    hot: bytes
    """The account that pays."""
    worth: int
    """Ether is moved if it is worth so many times the fee; 0: never."""
    fee_max: int
    """The most that the network may take for one transaction."""
    open_max: int
    """Ether for gas is sent only while fewer transactions of the account that pays are open."""
    keep: int
    """What that account keeps for withdrawals."""

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
    is_worth = terms.worth > 0 and room.wei >= terms.ether_min(offer)
    if room.count or not is_worth or not terms.allows(TRANSFER_GAS, offer):
        return None
    wei = room.wei - TRANSFER_GAS * offer.max_fee
    return _next(terms, room, offer, gas=TRANSFER_GAS, account=terms.hot, wei=wei)


def with_fee_inside(old: Transfer, offer: Fee) -> Transfer | None:
    """The same transfer of all ether with another fee: amount and highest fee stay the same sum.

    None if it would cost more than it moves.
    """
    wei = old.ether_max - old.gas * offer.max_fee
    made = replace(old, tip=offer.tip, max_fee=offer.max_fee, wei=wei)
    return made if wei >= made.fee_max else None


def tokens_moved(
    terms: Terms, room: Room, offer: Fee, *, contract: bytes, amount: int, gas: int
) -> Transfer | None:
    """All of a token at an address; None: nothing now, or its ether does not cover the fee.

    Args:
        terms: when something is moved, and where to.
        room: what the address has for good, its next nonce, and how much is under way there.
        offer: what the network is offered.
        contract: of the token.
        amount: what the address has of it for good, in its smallest unit.
        gas: what moving it needs.
    """
    if room.count or not amount or not terms.allows(gas, offer):
        return None
    if room.wei < gas * offer.max_fee:
        return None
    made = _next(terms, room, offer, gas=gas, account=terms.hot, wei=amount)
    return replace(made, contract=contract)


def gas_sent(
    terms: Terms, room: Room, offer: Fee, *, account: bytes, held: int, gas: int
) -> Transfer | None:
    """Ether from the account that pays to an address that has too little for a fee; None: not now.

    Args:
        terms: when something is moved.
        room: what the account that pays has.
        offer: what the network is offered.
        account: the address.
        held: what it has for good.
        gas: what its transaction needs.
    """
    cost = gas * offer.max_fee
    wei = -(-cost * GAS_PERCENT // 100) - held
    if held >= cost or wei > terms.fee_max or not terms.allows(gas, offer):
        return None
    made = _next(terms, room, offer, gas=TRANSFER_GAS, account=account, wei=wei)
    has_room = room.count < terms.open_max and room.wei >= made.ether_max + terms.keep
    return made if has_room else None


def _next(terms: Terms, room: Room, offer: Fee, *, gas: int, account: bytes, wei: int) -> Transfer:
    """A transfer of ether with the next nonce of who pays."""
    return Transfer(
        chain_id=terms.chain_id,
        nonce=room.nonce,
        tip=offer.tip,
        max_fee=offer.max_fee,
        gas=gas,
        account=account,
        wei=wei,
    )
