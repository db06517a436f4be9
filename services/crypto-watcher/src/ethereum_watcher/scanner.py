"""The search of a block for transactions of our addresses. Pure, no I/O.

Whether a transaction did what it says is in its receipt only: a transfer inside a failed one moves
nothing.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from ethereum_watcher.domain import BY_TRANSACTION, COIN
from ethereum_watcher.wire import Block, Header, Receipt, Transaction


class BlockInvalid(Exception):
    """The block contradicts itself, or is another than the one requested."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A successful transaction to one of our addresses, or a transfer of a token."""

    hash: str
    account: bytes
    wei: int
    """In the smallest unit of the currency."""
    currency: str = COIN
    place: int = BY_TRANSACTION
    """As in `Arrival`."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What a transaction of our own took from one of our addresses."""

    hash: str
    account: bytes
    wei: int
    """The value if it succeeded, and the fee; negative: it brought ether for gas."""


def check_header(header: Header, name: str, *, height: int, prev_hash: str) -> None:
    """Refuse another block than the one with this hash, after this one.

    Raises:
        BlockInvalid: it is another.
    """
    if header.hash != name or header.height != height:
        raise BlockInvalid("another block than the one requested")
    if header.prev_hash != prev_hash:
        raise BlockInvalid("does not follow the block before")


def concerned(block: Block, accounts: Container[bytes]) -> list[Transaction]:
    """The transactions that may move ether of our addresses.

    Raises:
        BlockInvalid: a transaction says that it is in another block.
    """
    found = [
        one
        for one in block.transactions
        if (one.recipient in accounts and one.value) or one.sender in accounts
    ]
    if any(one.block_hash != block.hash for one in found):
        raise BlockInvalid("a transaction of another block")
    return found


def effects(
    transactions: Sequence[Transaction],
    receipts: Sequence[Receipt],
    accounts: Container[bytes],
    *,
    hot: bytes | None = None,
) -> tuple[list[Payment], list[Spending]]:
    """What the transactions did to our addresses.

    Args:
        transactions: as `concerned` returns them.
        receipts: of each of them.
        accounts: our addresses.
        hot: the account that pays: what it sends to one of our addresses is nobody's deposit.

    Raises:
        BlockInvalid: a receipt is of another transaction or block.
    """
    paid: list[Payment] = []
    spent: list[Spending] = []
    for one, receipt in zip(transactions, receipts, strict=True):
        if (receipt.hash, receipt.block_hash) != (one.hash, one.block_hash):
            raise BlockInvalid("a receipt of another transaction")
        moved = one.value if receipt.succeeded else 0
        if moved and one.recipient is not None and one.recipient in accounts:
            if one.sender == hot:
                spent.append(Spending(one.hash, one.recipient, -moved))
            else:
                paid.append(Payment(one.hash, one.recipient, moved))
        if one.sender in accounts:
            cost = moved + receipt.gas_used * receipt.gas_price
            spent.append(Spending(one.hash, one.sender, cost))
    return paid, spent
