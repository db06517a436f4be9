"""Does the explorer have the same as the nodes? Pure, no I/O.

What both have is credited. What the explorer has otherwise, or not at all, is credited to nobody.
"""

from dataclasses import dataclass
from enum import StrEnum

from ethereum_watcher.domain import PLACE_STEP
from ethereum_watcher.explorer_wire import ExplorerReceipt, ExplorerTransaction
from ethereum_watcher.token_transfers import Transfer, read_transfer


class Doubt(StrEnum):
    """Why an arrival is not confirmed by the explorer; stored, so its words never change."""

    UNAVAILABLE = "explorer_unavailable"
    """It does not answer."""
    BEHIND = "explorer_behind"
    """It has not read the block yet."""
    UNKNOWN = "unknown_to_explorer"
    OTHER_TRANSACTION = "other_transaction"
    OTHER_BLOCK = "other_block"
    FAILED = "transaction_failed"
    NO_TRANSFER = "no_such_transfer"
    """The log is not of this token, or no transfer."""
    OTHER_RECEIVER = "other_receiver"
    OTHER_AMOUNT = "other_amount"

    @property
    def contradicts(self) -> bool:
        """True if the explorer says something else than the nodes."""
        return self not in (Doubt.UNAVAILABLE, Doubt.BEHIND)


CONTRADICTIONS = tuple(one.value for one in Doubt if one.contradicts)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the nodes say of an arrival that a transaction has made."""

    hash: str
    place: int
    block_hash: str
    height: int
    account: bytes
    """The address that it came to."""
    minor: int
    contract: bytes | None = None
    """Of the token; None: ether."""

    @property
    def key(self) -> tuple[str, int]:
        """Hash and place."""
        return self.hash, self.place


def doubt_of(
    claim: Claim,
    height: int,
    receipt: ExplorerReceipt | None,
    transaction: ExplorerTransaction | None,
) -> Doubt | None:
    """Why the explorer does not confirm a claim; None: it does.

    Args:
        claim: what the nodes say.
        height: of the explorer's highest block.
        receipt: None: the explorer has none.
        transaction: the same; not looked at for a token, whose transfer is in the receipt.
    """
    if receipt is None or (claim.contract is None and transaction is None):
        return Doubt.BEHIND if height < claim.height else Doubt.UNKNOWN
    if receipt.hash != claim.hash:
        return Doubt.OTHER_TRANSACTION
    if receipt.block_hash != claim.block_hash:
        return Doubt.OTHER_BLOCK
    if receipt.status != 1:
        return Doubt.FAILED
    if claim.contract is None and transaction is not None:
        return _ether(claim, transaction)
    return _token(claim, receipt)


def _ether(claim: Claim, transaction: ExplorerTransaction) -> Doubt | None:
    if transaction.hash != claim.hash:
        return Doubt.OTHER_TRANSACTION
    if transaction.block_hash != claim.block_hash:
        return Doubt.OTHER_BLOCK
    return _moved(claim, transaction.recipient, transaction.value)


def _token(claim: Claim, receipt: ExplorerReceipt) -> Doubt | None:
    moved = _transfer(claim, receipt)
    return Doubt.NO_TRANSFER if moved is None else _moved(claim, moved.recipient, moved.amount)


def _transfer(claim: Claim, receipt: ExplorerReceipt) -> Transfer | None:
    """The transfer at the claim's place among the logs of its transaction (`free_place`)."""
    place = claim.place % PLACE_STEP
    if place >= len(receipt.logs) or receipt.logs[place].contract != claim.contract:
        return None
    return read_transfer(receipt.logs[place])


def _moved(claim: Claim, recipient: bytes | None, amount: int) -> Doubt | None:
    if recipient != claim.account:
        return Doubt.OTHER_RECEIVER
    return None if amount == claim.minor else Doubt.OTHER_AMOUNT
