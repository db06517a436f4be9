"""Calls of a token's contract (ERC-20): the data of their transactions. Pure, no I/O.

Source: EIP-20 for the functions; the Contract ABI Specification for how a call is written.
"""

from ethereum_watcher.addresses import keccak256

TRANSFER = keccak256(b"transfer(address,uint256)")[:4]
BALANCE_OF = keccak256(b"balanceOf(address)")[:4]
DECIMALS = keccak256(b"decimals()")[:4]
WORD = 32
_PADDING = bytes(12)
_ACCOUNT_END = len(TRANSFER) + WORD
_TRANSFER_BYTES = _ACCOUNT_END + WORD


def transfer_data(account: bytes, amount: int) -> bytes:
    """The data that moves an amount, in the token's smallest unit, to an account."""
    return TRANSFER + _PADDING + account + amount.to_bytes(WORD)


def balance_data(account: bytes) -> bytes:
    """The data that asks for the balance of an account."""
    return BALANCE_OF + _PADDING + account


def read_transfer_data(data: bytes) -> tuple[bytes, int] | None:
    """Recipient and amount of a transfer; None: the data are of another call."""
    if len(data) != _TRANSFER_BYTES or not data.startswith(TRANSFER + _PADDING):
        return None
    account = data[len(TRANSFER) + len(_PADDING) : _ACCOUNT_END]
    return account, int.from_bytes(data[_ACCOUNT_END:])
