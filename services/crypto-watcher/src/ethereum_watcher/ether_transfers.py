"""Transfers of ether and tokens: their bytes before and after the signature. Pure, no I/O.

A token is moved by a call of its contract, without ether.

Source: EIP-1559 for the form, EIP-2718 for its type, EIP-2 for what a signature may be.
"""

from dataclasses import dataclass

from ethereum_watcher import rlp
from ethereum_watcher.addresses import keccak256
from ethereum_watcher.token_calls import read_transfer_data, transfer_data

TYPE = b"\x02"
ACCOUNT_BYTES = 20
NUMBER_MAX = 2**256 - 1
NONCE_MAX = 2**63 - 1
_FIELDS = 9


class TransferInvalid(Exception):
    """The bytes are not a transfer of ether or a token in the form that we use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transaction that pays ether, or a token."""

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
    """In the smallest unit of what it pays."""
    contract: bytes | None = None
    """The token's 20 bytes; None: it pays ether."""

    @property
    def ether_max(self) -> int:
        """The wei that it can take from its sender at most."""
        return self.fee_max + (self.wei if self.contract is None else 0)

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
        TransferInvalid: they are something else, such as another call, or have an access list.
    """
    if unsigned[:1] != TYPE:
        raise TransferInvalid("another type of transaction")
    try:
        items = rlp.decoded(unsigned[1:])
    except rlp.RlpInvalid as error:
        raise TransferInvalid(str(error)) from None
    texts = [one for one in items if isinstance(one, bytes)]
    if len(items) != _FIELDS or texts != items[:-1]:
        raise TransferInvalid("other fields than those of a transfer")
    chain_id, nonce, tip, max_fee, gas, to, wei, data = texts
    account, amount, contract = _paid(to, int.from_bytes(wei), data)
    found = Transfer(
        chain_id=int.from_bytes(chain_id),
        nonce=int.from_bytes(nonce),
        tip=int.from_bytes(tip),
        max_fee=int.from_bytes(max_fee),
        gas=int.from_bytes(gas),
        account=account,
        wei=amount,
        contract=contract,
    )
    if len(to) != ACCOUNT_BYTES or unsigned_bytes(found) != unsigned:
        raise TransferInvalid("no recipient, or a number with leading zeros")
    if max(found.wei, found.max_fee, found.gas) > NUMBER_MAX or found.nonce > NONCE_MAX:
        raise TransferInvalid("a number that is too large")
    return found


def hash_of(raw: bytes) -> str:
    """The name of a signed transaction on the chain."""
    return "0x" + keccak256(raw).hex()


def _paid(to: bytes, wei: int, data: bytes) -> tuple[bytes, int, bytes | None]:
    """Who gets how much, and of which token."""
    if not data:
        return to, wei, None
    moved = read_transfer_data(data)
    if moved is None or wei:
        raise TransferInvalid("a call that is not a transfer of a token")
    return *moved, to


def _items(transfer: Transfer) -> list[rlp.Item]:
    before = (transfer.chain_id, transfer.nonce, transfer.tip, transfer.max_fee, transfer.gas)
    to, wei, data = transfer.account, transfer.wei, b""
    if transfer.contract is not None:
        to, wei, data = transfer.contract, 0, transfer_data(transfer.account, transfer.wei)
    return [*map(rlp.number, before), to, rlp.number(wei), data, ()]
