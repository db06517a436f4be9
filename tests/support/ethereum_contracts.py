"""Contracts that tests deploy beside those of the node, in its assembler, and calls of tokens."""

from provider_sandbox.ethereum.assembler import assemble, deployment
from provider_sandbox.ethereum.contracts import TRANSFER_TOPIC, selector

_TRANSFER_FROM = selector("transferFrom(address,address,uint256)")
_TRANSFER = selector("transfer(address,uint256)")


def _share(number: int) -> str:
    """Move the caller's tokens to one recipient; the contract needs an allowance for it."""
    return f"""
        {_TRANSFER_FROM} 224 SHL 0 MSTORE
        CALLER 4 MSTORE
        {32 + 64 * number} CALLDATALOAD 36 MSTORE
        {64 + 64 * number} CALLDATALOAD 68 MSTORE
        0 0 100 0 0 0 CALLDATALOAD GAS CALL @done{number} JUMPI 0 0 REVERT
        done{number}:
    """


MULTI_SENDER = deployment(assemble(f"{_share(0)} {_share(1)} STOP"))
"""Pays two recipients at once, as exchanges do. Data: token, then twice recipient and amount."""

FICKLE = deployment(
    assemble(
        f"""
        0 CALLDATALOAD @set JUMPI
        {_TRANSFER} 224 SHL 0 MSTORE
        0 SLOAD 4 MSTORE
        64 CALLDATALOAD 36 MSTORE
        0 0 68 0 0 32 CALLDATALOAD GAS CALL @done JUMPI 0 0 REVERT
        set: 0 CALLDATALOAD 0 SSTORE
        done: STOP
        """
    )
)
"""Pays a recipient that others set before it. Data: the recipient; or zero, token, amount."""


def odd_token(transfer: str) -> bytes:
    """A token of which everybody has a million, and whose transfers do something else."""
    return deployment(
        assemble(
            f"""
            0 CALLDATALOAD 224 SHR
            DUP1 {selector("decimals()")} EQ @decimals JUMPI
            DUP1 {selector("balanceOf(address)")} EQ @balance JUMPI
            {transfer} STOP
            decimals: 6 0 MSTORE 32 0 RETURN
            balance: {10**12} 0 MSTORE 32 0 RETURN
            """
        )
    )


def _reported(amount: str) -> str:
    return f"{amount} 0 MSTORE 4 CALLDATALOAD CALLER {TRANSFER_TOPIC} 32 0 LOG3"


MOVES_NOTHING = odd_token("")
"""Its transfers succeed, and report nothing."""
KEEPS_A_PART = odd_token(_reported("1 36 CALLDATALOAD SUB"))
"""Its transfers report less than they were told."""
SAYS_FALSE = odd_token("0 0 MSTORE 32 0 RETURN")
"""Its transfers return false instead of failing."""


def words(*values: bytes | int) -> bytes:
    """Parameters of a call."""
    return b"".join(
        value.rjust(32, b"\0") if isinstance(value, bytes) else value.to_bytes(32)
        for value in values
    )


def transfer(recipient: bytes, amount: int) -> bytes:
    """The data of a transfer of tokens."""
    return _TRANSFER.to_bytes(4) + words(recipient, amount)


def approve(spender: bytes, amount: int) -> bytes:
    """The data of an allowance."""
    return selector("approve(address,uint256)").to_bytes(4) + words(spender, amount)


def transfer_from(owner: bytes, recipient: bytes, amount: int) -> bytes:
    """The data of a transfer that uses an allowance."""
    return _TRANSFER_FROM.to_bytes(4) + words(owner, recipient, amount)


def blacklist(account: bytes) -> bytes:
    """The data by which a token's issuer lets nothing pass to or from an account."""
    return selector("blacklist(address)").to_bytes(4) + words(account)
