"""Sign a transfer with the key of one of our accounts. No I/O; by libwally.

Source: EIP-1559 for what is signed, EIP-2 for the low half of s.
"""

from dataclasses import dataclass

from chain_watch.libwally import wally
from cift_shared.errors import InvariantViolated
from ethereum_watcher.addresses import account_of, keccak256
from ethereum_watcher.ether_transfers import hash_of, signed_bytes
from wallet_keys.ethereum_account import EthereumAccount

_RECOVERABLE = wally.EC_FLAG_ECDSA | wally.EC_FLAG_RECOVERABLE
_COMPRESSED = 31
"""What libwally's first byte begins at: 27, and 4 for a compressed public key."""
_HALF = 32


@dataclass(frozen=True, slots=True)
class SignedTransfer:
    """Bytes that nodes take."""

    hash: str
    raw: bytes


def sign(
    unsigned: bytes, account: EthereumAccount, *, deposit: int | None = None
) -> SignedTransfer:
    """The signed bytes; always the same for the same transfer (RFC 6979).

    Args:
        unsigned: what is signed.
        account: has the keys.
        deposit: the index of the deposit's address that sends it; None: the account that pays.

    Raises:
        InvariantViolated: the signature is not of the sender; nothing of it may be shown.
    """
    digest = keccak256(unsigned)
    key = account.hot_key() if deposit is None else account.deposit_key(deposit)
    sender = account.hot if deposit is None else account.deposit(deposit)
    made = bytes(wally.ec_sig_from_bytes(key, digest, _RECOVERABLE))
    if account_of(bytes(wally.ec_sig_to_public_key(digest, made))) != sender:
        raise InvariantViolated("a signature is not of its sender")
    raw = signed_bytes(
        unsigned,
        parity=made[0] - _COMPRESSED,
        r=int.from_bytes(made[1 : 1 + _HALF]),
        s=int.from_bytes(made[1 + _HALF :]),
    )
    return SignedTransfer(hash_of(raw), raw)
