"""Contracts of the node: two tokens, and one that passes ether on.

Both tokens have six decimals. One answers as USDC does; the other is as USDT: `transfer`,
`approve` and `transferFrom` return nothing, and a refusal has no reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from eth_utils import keccak

from provider_sandbox.ethereum.assembler import assemble, deployment

TRANSFER_TOPIC = int.from_bytes(keccak(b"Transfer(address,address,uint256)"))
APPROVAL_TOPIC = int.from_bytes(keccak(b"Approval(address,address,uint256)"))
_BALANCES, _ALLOWANCES, _TOTAL, _FROZEN = 0, 1, 2, 3
_ADDRESS = (1 << 160) - 1


def selector(signature: str) -> int:
    """The first four bytes of a call's data."""
    return int.from_bytes(keccak(signature.encode())[:4])


@dataclass(frozen=True, slots=True)
class Token:
    """A token contract."""

    symbol: str
    name: str
    silent: bool
    """Whether calls that change something return nothing."""
    supply: int
    """In its smallest unit; the deployer has all of it."""

    def deployment(self, deployer: bytes, rich: Iterable[bytes] = ()) -> bytes:
        """The data of the transaction that creates it.

        Args:
            deployer: who has the supply.
            rich: who has a thousandth of it in addition, from the beginning, without a log.
        """
        prepare = f"""
            {self.supply} {_TOTAL} SSTORE
            {int.from_bytes(deployer)} 0 MSTORE {_BALANCES} 32 MSTORE
            {self.supply} 64 0 KECCAK256 SSTORE
            {self.supply} 0 MSTORE
            {int.from_bytes(deployer)} 0 {TRANSFER_TOPIC} 32 0 LOG3
        """
        shares = (
            f"{self.supply // 1_000} {int.from_bytes(one)} {_slot(_BALANCES)} SSTORE"
            for one in rich
        )
        return deployment(assemble(self._program()), "\n".join((prepare, *shares)))

    def _program(self) -> str:
        return "\n".join(
            (
                _dispatch(),
                self._texts(),
                _VIEWS,
                _TRANSFER,
                _TRANSFER_FROM,
                _APPROVE,
                _FREEZE,
                _MOVE,
                "done:\n" + ("STOP" if self.silent else "1 0 MSTORE 32 0 RETURN"),
                self._refusals(),
            )
        )

    def _texts(self) -> str:
        return _text("name", self.name) + _text("symbol", self.symbol)

    def _refusals(self) -> str:
        if self.silent:
            return "\n".join(f"{name}: 0 0 REVERT" for name in _REASONS)
        return "\n".join(f"{name}: {_reason(text)}" for name, text in _REASONS.items())


_REASONS = {
    "unknown": "unknown function",
    "short": "ERC20: transfer amount exceeds balance",
    "denied": "ERC20: transfer amount exceeds allowance",
    "frozen": "Blacklistable: account is blacklisted",
}
_FUNCTIONS = {
    "name()": "name",
    "symbol()": "symbol",
    "decimals()": "decimals",
    "totalSupply()": "supply",
    "balanceOf(address)": "balance",
    "allowance(address,address)": "allowance",
    "transfer(address,uint256)": "transfer",
    "transferFrom(address,address,uint256)": "transfer_from",
    "approve(address,uint256)": "approve",
    "blacklist(address)": "freeze",
}


def _dispatch() -> str:
    cases = (
        f"DUP1 {selector(signature)} EQ @{place} JUMPI" for signature, place in _FUNCTIONS.items()
    )
    return "0 CALLDATALOAD 224 SHR\n" + "\n".join(cases) + "\n@unknown JUMP\n"


def _text(place: str, text: str) -> str:
    """Return a text of at most 32 letters."""
    padded = int.from_bytes(text.encode().ljust(32, b"\0"))
    return f"{place}: 32 0 MSTORE {len(text)} 32 MSTORE {padded} 64 MSTORE 96 0 RETURN\n"


def _reason(text: str) -> str:
    """Revert with `Error(string)`."""
    data = selector("Error(string)").to_bytes(4) + (32).to_bytes(32) + len(text).to_bytes(32)
    data += text.encode().ljust(-(-len(text) // 32) * 32, b"\0")
    padded = data.ljust(-(-len(data) // 32) * 32, b"\0")
    stores = (
        f"{int.from_bytes(padded[place : place + 32])} {place} MSTORE"
        for place in range(0, len(padded), 32)
    )
    return f"{' '.join(stores)} {len(data)} 0 REVERT"


def _slot(table: int) -> str:
    """Replace the address on the stack by its slot in a table."""
    return f"0 MSTORE {table} 32 MSTORE 64 0 KECCAK256"


def _pair_slot() -> str:
    """Replace owner (above) and spender on the stack by the slot of the allowance."""
    return f"{_slot(_ALLOWANCES)} 32 MSTORE 0 MSTORE 64 0 KECCAK256"


def _argument(number: int) -> str:
    return f"{4 + 32 * number} CALLDATALOAD"


_ANSWER = "0 MSTORE 32 0 RETURN"
_VIEWS = f"""
    decimals: 6 {_ANSWER}
    supply: {_TOTAL} SLOAD {_ANSWER}
    balance: {_argument(0)} {_ADDRESS} AND {_slot(_BALANCES)} SLOAD {_ANSWER}
    allowance: {_argument(1)} {_argument(0)} {_pair_slot()} SLOAD {_ANSWER}
"""
# Moving expects amount, to, from on the stack, from on top.
_TRANSFER = f"""
    transfer: {_argument(1)} {_argument(0)} {_ADDRESS} AND CALLER @move JUMP
"""
_TRANSFER_FROM = f"""
    transfer_from:
        CALLER {_argument(0)} {_pair_slot()}        ; slot
        DUP1 SLOAD                                  ; allowance, slot
        DUP1 {_argument(2)} SWAP1 LT @denied JUMPI  ; allowance < amount
        {_argument(2)} SWAP1 SUB SWAP1 SSTORE
        {_argument(2)} {_argument(1)} {_ADDRESS} AND {_argument(0)} {_ADDRESS} AND @move JUMP
"""
_APPROVE = f"""
    approve:
        {_argument(1)}                              ; amount
        DUP1 {_argument(0)} CALLER {_pair_slot()} SSTORE
        0 MSTORE {_argument(0)} CALLER {APPROVAL_TOPIC} 32 0 LOG3
        @done JUMP
"""
_FREEZE = f"""
    freeze: 1 {_argument(0)} {_ADDRESS} AND {_slot(_FROZEN)} SSTORE @done JUMP
"""
_MOVE = f"""
    move:                                           ; from, to, amount
        DUP1 {_slot(_FROZEN)} SLOAD @frozen JUMPI
        DUP2 {_slot(_FROZEN)} SLOAD @frozen JUMPI
        DUP3 DUP2 {_slot(_BALANCES)}                ; slot, amount, from, to, amount
        DUP1 SLOAD                                  ; balance, slot, amount, from, to, amount
        DUP3 DUP2 LT @short JUMPI                   ; balance < amount
        DUP3 SWAP1 SUB                              ; balance - amount, slot, amount, from, ...
        SWAP1 SSTORE POP                            ; from, to, amount
        DUP2 {_slot(_BALANCES)}                     ; slot, from, to, amount
        DUP1 SLOAD DUP5 ADD SWAP1 SSTORE            ; from, to, amount
        DUP3 0 MSTORE                               ; from, to, amount
        {TRANSFER_TOPIC} 32 0 LOG3
        @done JUMP
"""
FORWARDER = deployment(
    assemble("0 0 0 0 CALLVALUE 0 CALLDATALOAD GAS CALL @good JUMPI 0 0 REVERT good: STOP")
)
"""Passes the ether of a call on to the address in its data: an internal transfer."""
REFUSER = deployment(assemble("0 0 REVERT"))
"""Accepts nothing: a transfer to it fails and moves nothing."""
_SUPPLY = 10**9 * 10**6
TOKENS = (
    Token("USDC", "USD Coin", silent=False, supply=_SUPPLY),
    Token("USDT", "Tether USD", silent=True, supply=_SUPPLY),
)
"""The tokens of the node."""
