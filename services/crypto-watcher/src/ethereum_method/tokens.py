"""The tokens that are paid besides ether, in and out: a line each, and the setting that chooses.

The watcher compares `decimals()` of a contract with the places of its currency before it reads it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cift_shared.money.amount import EXPONENTS

MAIN, SEPOLIA = 1, 11155111
NONE = "none"
"""The value of the setting that turns every token off."""

CONTRACTS: Mapping[str, Mapping[int, str]] = {
    "USDC": {
        MAIN: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        SEPOLIA: "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238",
    },
    "USDT": {MAIN: "0xdAC17F958D2ee523a2206206994597C13D831ec7"},
}
"""By currency, its contract on each chain, as the issuer publishes it.

Source: developers.circle.com/stablecoins/usdc-contract-addresses; tether.to/supported-protocols.
"""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class TokensInvalid(ValueError):
    """The setting can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token on one chain."""

    currency: str
    contract: str
    """The contract's address."""
    is_offered: bool = True
    """False: what arrives is read and credited, but no new payment is taken."""

    @property
    def decimals(self) -> int:
        """The places of its amounts."""
        return EXPONENTS[self.currency]

    @property
    def unit(self) -> int:
        """One token in its smallest unit."""
        return int(10**self.decimals)


def read_tokens(text: str | None, chain_id: int) -> Sequence[Token]:
    """The tokens that a setting names: `USDC,USDT`, or with contracts `USDC=0x…`; or `none`.

    A minus before a token, `-USDC`, means that it is no longer offered, but still read: addresses
    are watched for ever.

    Args:
        text: the setting; None: every token whose contract on this chain is known.
        chain_id: of the chain.

    Raises:
        TokensInvalid: not such a list, a token that is not known, or a contract that is missing, is
            not an address, or comes twice.
    """
    if text is None:
        known = [name for name, of_chain in CONTRACTS.items() if chain_id in of_chain]
        return [Token(name, CONTRACTS[name][chain_id]) for name in known]
    if text == NONE:
        return []
    found = [_token(part.strip(), chain_id) for part in text.split(",")]
    for names in ([one.currency for one in found], [one.contract.lower() for one in found]):
        if len(set(names)) < len(names):
            raise TokensInvalid("a token or a contract comes twice")
    return found


def _token(text: str, chain_id: int) -> Token:
    currency, _, contract = text.removeprefix("-").partition("=")
    if currency not in CONTRACTS:
        raise TokensInvalid(f"the tokens are {', '.join(CONTRACTS)}, or {NONE}")
    contract = contract or CONTRACTS[currency].get(chain_id, "")
    if not _ADDRESS.fullmatch(contract):
        raise TokensInvalid(f"{currency} needs the address of its contract, {currency}=0x...")
    return Token(currency, contract, is_offered=not text.startswith("-"))
