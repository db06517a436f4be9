"""Bitcoin addresses that are never paid."""

from pathlib import Path

from bitcoin_method.networks import Network
from bitcoin_watcher.addresses import AddressInvalid, parse_address
from chain_watch.deny_list import denied


def denied_scripts(path: Path | None, network: Network) -> frozenset[bytes]:
    """The scripts of the denied addresses of the network; raises as `denied`."""
    return denied(
        path,
        "CRYPTO_BTC_DENY_FILE",
        lambda text: parse_address(text, network).script,
        AddressInvalid,
    )
