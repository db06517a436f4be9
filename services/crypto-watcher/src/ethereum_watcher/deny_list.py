"""Ethereum accounts that are never paid."""

from pathlib import Path

from chain_watch.deny_list import denied
from ethereum_watcher.addresses import AddressInvalid, parse_address


def denied_accounts(path: Path | None) -> frozenset[bytes]:
    """The denied accounts; raises as `denied`."""
    return denied(
        path, "CRYPTO_ETH_DENY_FILE", lambda text: parse_address(text).script, AddressInvalid
    )
