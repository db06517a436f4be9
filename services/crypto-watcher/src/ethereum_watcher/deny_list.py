"""Accounts that are never paid: a file with one address a line.

`#` begins a comment. Both the watcher and the signer read it, each at its start.
"""

from pathlib import Path

from cift_shared.errors import SettingsInvalid
from ethereum_watcher.addresses import AddressInvalid, parse_address


def denied_accounts(path: Path | None) -> frozenset[bytes]:
    """The denied accounts; empty without a file.

    Raises:
        SettingsInvalid: the file can't be read, or a line is no address. A list that is understood
            only in part would let money through.
    """
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"CRYPTO_ETH_DENY_FILE: can't be read: {error}") from None
    found = set()
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            found.add(parse_address(text).script)
        except AddressInvalid as error:
            raise SettingsInvalid(f"CRYPTO_ETH_DENY_FILE: line {number}: {error}") from None
    return frozenset(found)
