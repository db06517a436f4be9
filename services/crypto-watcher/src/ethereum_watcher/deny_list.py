"""Ethereum accounts that are never paid."""

from collections.abc import Iterable
from pathlib import Path

from chain_watch.deny_list import denied
from ethereum_method.tokens import CONTRACTS, Token
from ethereum_watcher.addresses import AddressInvalid, parse_address


def denied_accounts(path: Path | None) -> frozenset[bytes]:
    """The denied accounts; raises as `denied`."""
    return denied(
        path, "CRYPTO_ETH_DENY_FILE", lambda text: parse_address(text).script, AddressInvalid
    )


def token_accounts(tokens: Iterable[Token], chain_id: int) -> frozenset[bytes]:
    """The contracts of these tokens, and of all that are known on the chain.

    What is paid to one of them is lost: it has no function that pays it back.
    """
    known = [of_chain[chain_id] for of_chain in CONTRACTS.values() if chain_id in of_chain]
    texts = [*known, *(one.contract for one in tokens)]
    return frozenset(parse_address(text).script for text in texts)
