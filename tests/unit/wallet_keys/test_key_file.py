"""The file of an imported account: its own purpose, the same protection as the wallet's."""

import pytest

from tests.support.bitcoin_wallet import SEED
from tests.support.ethereum import FIRST, FIRST_KEY
from wallet_keys import key_file, seed_file
from wallet_keys.envelope import Passphrase, WalletUnusable
from wallet_keys.ethereum_account import EthereumAccount
from wallet_keys.key_file import SingleKey

LOCK = Passphrase("correct horse battery", cost=2**14)
KEY = SingleKey(FIRST_KEY.to_bytes(32))


def test_it_opens_with_its_passphrase_on_its_network() -> None:
    content = key_file.seal(KEY, LOCK, "regtest")
    assert key_file.unseal(content, LOCK, "regtest") == KEY
    assert KEY.private not in content
    assert KEY.private.hex() not in content.decode()
    with pytest.raises(WalletUnusable, match="network regtest, not of main"):
        key_file.unseal(content, LOCK, "main")
    with pytest.raises(WalletUnusable, match="wrong passphrase"):
        key_file.unseal(content, Passphrase("another passphrase"), "regtest")


def test_a_seed_is_no_key_and_a_key_no_seed() -> None:
    with pytest.raises(WalletUnusable, match="a file of a bitcoin-seed, not of a ethereum-key"):
        key_file.unseal(seed_file.seal(SEED, LOCK), LOCK, "regtest")
    with pytest.raises(WalletUnusable, match="a file of a ethereum-key, not of a bitcoin-seed"):
        seed_file.unseal(key_file.seal(KEY, LOCK, "regtest"), LOCK, "regtest")


def test_a_file_that_is_relabelled_does_not_open() -> None:
    content = key_file.seal(KEY, LOCK, "regtest").replace(b"ethereum-key", b"bitcoin-seed")
    with pytest.raises(WalletUnusable, match="changed"):
        seed_file.unseal(content, LOCK, "regtest")


def test_two_files_of_one_key_share_nothing_secret() -> None:
    one, other = (key_file.seal(KEY, LOCK, "regtest") for _ in range(2))
    assert len(set(one.split(b"\n")) & set(other.split(b"\n"))) < len(one.split(b"\n")) - 3


@pytest.mark.parametrize("private", [b"", bytes(32), bytes([255]) * 32, bytes([1]) * 31])
def test_what_is_no_key_is_refused(private: bytes) -> None:
    with pytest.raises(WalletUnusable, match="not a private key"):
        SingleKey(private)


def test_it_pays_instead_of_the_seeds_account_and_is_not_shown() -> None:
    account = EthereumAccount(SEED, KEY)
    assert (account.hot_address, account.hot) == (FIRST, bytes.fromhex(FIRST[2:]))
    assert account.hot_key() == KEY.private
    assert account.deposit(3) == EthereumAccount(SEED).deposit(3)
    assert account.xpub == EthereumAccount(SEED).xpub
    assert repr(KEY) == f"SingleKey({FIRST})"
    assert "correct" not in repr(LOCK)
