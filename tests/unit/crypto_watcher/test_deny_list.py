"""The list of addresses that are never paid."""

from pathlib import Path

import pytest

from bitcoin_watcher.addresses import parse_address
from bitcoin_watcher.deny_list import denied_scripts
from cift_shared.errors import SettingsInvalid
from tests.support import bitcoin


def test_without_a_file_nobody_is_denied() -> None:
    assert denied_scripts(None, "regtest") == frozenset()


def test_addresses_are_read_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "denied"
    path.write_text(f"# stolen\n\n{bitcoin.FIRST}  # of 2026\n{bitcoin.SHARED.upper()}\n")
    wanted = {parse_address(one, "regtest").script for one in (bitcoin.FIRST, bitcoin.SHARED)}
    assert denied_scripts(path, "regtest") == wanted


@pytest.mark.parametrize("line", ["nonsense", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"])
def test_a_line_that_is_no_address_stops_the_start(tmp_path: Path, line: str) -> None:
    path = tmp_path / "denied"
    path.write_text(f"{bitcoin.FIRST}\n{line}\n")
    with pytest.raises(SettingsInvalid, match="CRYPTO_BTC_DENY_FILE: line 2"):
        denied_scripts(path, "regtest")


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="CRYPTO_BTC_DENY_FILE: can't be read"):
        denied_scripts(tmp_path / "none", "regtest")
