"""Transfers of tokens (ERC-20) to our addresses and from them, in logs. Pure, no I/O.

Anybody can write a contract whose logs look like those of a token, so only logs of configured
contracts count. Whether a log is true is in the receipt of its transaction only.

Source: EIP-20; the topics of a log are its event and the event's indexed fields.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from cift_shared.money.amount import MINOR_DIGITS_MAX
from ethereum_watcher.addresses import keccak256
from ethereum_watcher.bloom import may_have
from ethereum_watcher.scanner import BlockInvalid, Payment
from ethereum_watcher.wire import Block, Log, Receipt

TRANSFER = keccak256(b"Transfer(address,address,uint256)")
TOPIC = "0x" + TRANSFER.hex()
_WORD, _PADDING = 32, bytes(12)
_TOPICS = 3
"""Event, sender, recipient; a token that is no currency (ERC-721) has its number as a fourth."""
_AMOUNT_END = 10**MINOR_DIGITS_MAX


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a log says."""

    sender: bytes
    recipient: bytes
    amount: int
    """In the smallest unit of the token."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A transfer at its place in a transaction."""

    place: int
    """Of its log among those of the transaction."""
    contract: bytes
    account: bytes
    """Of the recipient."""
    amount: int
    """In the smallest unit of the token."""


def read_transfer(log: Log) -> Transfer | None:
    """The transfer of a log; None: it is none, or not one that a token writes."""
    if len(log.topics) != _TOPICS or log.topics[0] != TOPIC or len(log.data) != _WORD:
        return None
    sender, recipient = (bytes.fromhex(topic[2:]) for topic in log.topics[1:])
    if not sender.startswith(_PADDING) or not recipient.startswith(_PADDING):
        return None
    amount = int.from_bytes(log.data)
    return Transfer(sender[12:], recipient[12:], amount) if amount < _AMOUNT_END else None


def concerned_logs(
    block: Block,
    logs: Sequence[Log],
    tokens: Mapping[bytes, str],
    accounts: Container[bytes],
) -> list[Log]:
    """The logs that may be payments to us.

    A transfer of nothing is none: everybody can make one from any account. Neither is one between
    our own addresses, which only somebody with our keys can make.

    Args:
        block: the block.
        logs: its logs.
        tokens: currencies by contract.
        accounts: our addresses.

    Raises:
        BlockInvalid: a log is of another block, or can't be in this one.
    """
    found = []
    for log in logs:
        moved = read_transfer(log) if log.contract in tokens else None
        if moved is None or not moved.amount or moved.recipient not in accounts:
            continue
        if moved.sender not in accounts:
            _check_place(block, log)
            found.append(log)
    return found


def _check_place(block: Block, log: Log) -> None:
    if log.block_hash != block.hash or log.removed:
        raise BlockInvalid("a log of another block")
    if all(one.hash != log.hash for one in block.transactions):
        raise BlockInvalid("a log of a transaction that the block does not have")
    if not may_have(block.bloom, log.contract, *(bytes.fromhex(one[2:]) for one in log.topics)):
        raise BlockInvalid("a log that the block's filter excludes")


def transfers_paid(
    logs: Sequence[Log], receipts: Sequence[Receipt], tokens: Mapping[bytes, str]
) -> list[Payment]:
    """The payments that logs report, each at its place among the logs of its transaction.

    The number of a log in its block changes with the block, this place does not.

    Args:
        logs: as `concerned_logs` returns them.
        receipts: of the transaction of each log.
        tokens: currencies by contract.

    Raises:
        BlockInvalid: a receipt is of another transaction or block, or does not have the log.
    """
    paid = []
    for log, receipt in zip(logs, receipts, strict=True):
        if (receipt.hash, receipt.block_hash) != (log.hash, log.block_hash):
            raise BlockInvalid("a receipt of another transaction")
        moved = read_transfer(log)
        if moved is None or not receipt.succeeded or log not in receipt.logs:
            raise BlockInvalid("a log that the receipt does not have")
        place, currency = receipt.logs.index(log), tokens[log.contract]
        paid.append(Payment(log.hash, moved.recipient, moved.amount, currency, place))
    return paid


def transfers_from(sender: bytes, contract: bytes | None, receipt: Receipt) -> list[Placed]:
    """What a contract says that it has moved from an account in a transaction.

    Args:
        sender: the account.
        contract: the one that the transaction has called; None: it has created one.
        receipt: of the transaction.
    """
    found = []
    for place, log in enumerate(receipt.logs):
        moved = read_transfer(log) if log.contract == contract else None
        if moved is not None and moved.sender == sender and receipt.succeeded:
            found.append(Placed(place, log.contract, moved.recipient, moved.amount))
    return found
