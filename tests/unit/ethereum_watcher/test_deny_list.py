"""The list of accounts that are never paid."""

from pathlib import Path

import pytest

from cift_shared.errors import SettingsInvalid
from ethereum_method.tokens import CONTRACTS, MAIN, SEPOLIA, Token
from ethereum_watcher.deny_list import denied_accounts, token_accounts
from tests.support.ethereum import FIRST, SHARED


def test_without_a_file_nobody_is_denied() -> None:
    assert denied_accounts(None) == frozenset()


def test_comments_and_spellings(tmp_path: Path) -> None:
    path = tmp_path / "denied"
    path.write_text(f"# list\n\n  {FIRST}  # one\n{SHARED.lower()}\n")
    assert denied_accounts(path) == {bytes.fromhex(FIRST[2:]), bytes.fromhex(SHARED[2:])}


def test_a_line_that_is_not_understood_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "denied"
    path.write_text(f"{FIRST}\n{FIRST.replace('E', 'e', 1)}\n")
    with pytest.raises(SettingsInvalid, match="CRYPTO_ETH_DENY_FILE: line 2"):
        denied_accounts(path)


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="can't be read"):
        denied_accounts(tmp_path / "none")


def test_contracts_of_tokens_are_those_of_the_chain_and_those_that_are_set_up() -> None:
    known = {bytes.fromhex(of_chain[MAIN][2:]) for of_chain in CONTRACTS.values()}
    assert token_accounts([], MAIN) == known
    assert len(known) == 2
    own = bytes.fromhex(FIRST[2:])
    assert token_accounts([Token("USDC", FIRST)], MAIN) == known | {own}
    assert token_accounts([Token("USDC", FIRST)], 31337) == {own}
    assert len(token_accounts([], SEPOLIA)) == 1
