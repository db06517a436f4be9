"""The account of ether that a wallet's seed has."""

from ethereum_watcher.addresses import AddressKey
from tests.support.bitcoin_wallet import SEED
from tests.support.ethereum import FIRST, XPUB
from wallet_keys.ethereum_account import EthereumAccount
from wallet_keys.key_file import SingleKey
from wallet_keys.seed_file import Seed

ABANDON = Seed("regtest", "00" * 8, bytearray(16))
"""The mnemonic of BIP 39's vectors (abandon ... about), whose account other wallets show."""


def test_the_keys_are_those_of_other_wallets() -> None:
    account = EthereumAccount(ABANDON)
    assert account.xpub == XPUB
    assert account.address(0, 0) == FIRST


def test_the_account_that_pays_is_no_address_of_a_deposit() -> None:
    account = EthereumAccount(SEED)
    assert account.hot_address == account.address(1, 0)
    assert account.hot_address not in [account.address(0, index) for index in range(20)]


def test_the_public_key_derives_the_account_that_pays() -> None:
    account = EthereumAccount(SEED)
    assert AddressKey(account.xpub).hot.address == account.hot_address
    assert AddressKey(account.xpub).hot.script == account.hot


def test_deposits_have_the_external_branch_and_their_own_keys() -> None:
    account = EthereumAccount(SEED)
    for index in (0, 1, 7):
        key = SingleKey(account.deposit_key(index))
        assert key.account == account.deposit(index)
        assert key.address == account.address(0, index)
    assert account.path == "44h/60h/0h"


def test_nothing_of_it_is_shown() -> None:
    account = EthereumAccount(SEED)
    assert account.hot_key().hex() not in repr(account)
