"""Transfers of ether: their bytes before and after the signature. Pure, no I/O.

Source: EIP-1559 for the form, EIP-2718 for its type, EIP-2 for what a signature may be.
"""

from dataclasses import dataclass

from ethereum_watcher import rlp
from ethereum_watcher.addresses import keccak256

TYPE = b"\x02"
ACCOUNT_BYTES = 20
NUMBER_MAX = 2**256 - 1
NONCE_MAX = 2**63 - 1
_FIELDS = 9


class TransferInvalid(Exception):
    """The bytes are not a transfer of ether in the form that we use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transaction that pays ether, without data."""

    chain_id: int
    nonce: int
    """The number of the sender's transaction: one of each number can be in the chain."""
    tip: int
    """Wei per gas above the base fee, at most."""
    max_fee: int
    """Wei per gas with the base fee, at most."""
    gas: int
    """The limit."""
    account: bytes
    """The recipient's 20 bytes."""
    wei: int

    @property
    def fee_max(self) -> int:
        """The wei that the network can take for it at most."""
        return self.gas * self.max_fee


def unsigned_bytes(transfer: Transfer) -> bytes:
    """What is signed."""
    return TYPE + rlp.encoded(_items(transfer))


def signed_bytes(unsigned: bytes, *, parity: int, r: int, s: int) -> bytes:
    """What nodes take."""
    items = rlp.decoded(unsigned[1:])
    return TYPE + rlp.encoded([*items, *map(rlp.number, (parity, r, s))])


def parse(unsigned: bytes) -> Transfer:
    """The transfer in unsigned bytes.

    Raises:
        TransferInvalid: they are something else, or have a call's data or an access list.
    """
    if unsigned[:1] != TYPE:
        raise TransferInvalid("another type of transaction")
    try:
        items = rlp.decoded(unsigned[1:])
    except rlp.RlpInvalid as error:
        raise TransferInvalid(str(error)) from None
    texts = [one for one in items if isinstance(one, bytes)]
    if len(items) != _FIELDS or texts != items[:-1] or texts[-1]:
        raise TransferInvalid("other fields than those of a transfer")
    chain_id, nonce, tip, max_fee, gas, account, wei, _ = texts
    found = Transfer(
        chain_id=int.from_bytes(chain_id),
        nonce=int.from_bytes(nonce),
        tip=int.from_bytes(tip),
        max_fee=int.from_bytes(max_fee),
        gas=int.from_bytes(gas),
        account=account,
        wei=int.from_bytes(wei),
    )
    if len(account) != ACCOUNT_BYTES or unsigned_bytes(found) != unsigned:
        raise TransferInvalid("no recipient, or a number with leading zeros")
    if max(found.wei, found.max_fee, found.gas) > NUMBER_MAX or found.nonce > NONCE_MAX:
        raise TransferInvalid("a number that is too large")
    return found


def hash_of(raw: bytes) -> str:
    """The name of a signed transaction on the chain."""
    return "0x" + keccak256(raw).hex()


def _items(transfer: Transfer) -> list[rlp.Item]:
    before = (transfer.chain_id, transfer.nonce, transfer.tip, transfer.max_fee, transfer.gas)
    return [*map(rlp.number, before), transfer.account, rlp.number(transfer.wei), b"", ()]
