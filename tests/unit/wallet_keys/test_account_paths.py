"""The paths of the account (BIP 84), against keys that libwally derives from the words' seed."""

import pytest

from cift_shared.errors import SettingsInvalid
from tests.support.wally import wally
from wallet_keys import account
from wallet_keys.account import BitcoinAccount, words_of
from wallet_keys.seed_file import Seed

HARD = 2**31


@pytest.mark.parametrize(("network", "coin"), [("main", 0), ("regtest", 1), ("signet", 1)])
def test_the_account_of_a_test_network_has_the_coin_type_of_test_networks(
    network: str, coin: int
) -> None:
    seed = Seed(network, "00" * 8, bytearray(range(32)))
    is_main = network == "main"
    version = wally.BIP32_VER_MAIN_PRIVATE if is_main else wally.BIP32_VER_TEST_PRIVATE
    master = wally.bip32_key_from_seed(
        wally.bip39_mnemonic_to_seed512(words_of(seed), ""), version, 0
    )
    key = wally.bip32_key_from_parent_path(
        master, [84 + HARD, coin + HARD, HARD], wally.BIP32_FLAG_KEY_PUBLIC
    )
    public = wally.bip32_key_to_base58(key, wally.BIP32_FLAG_KEY_PUBLIC)
    assert BitcoinAccount(seed).xpub == public


def test_no_account_is_opened_with_a_library_that_derives_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise SettingsInvalid("libwally does not derive the test vector of BIP 84")

    monkeypatch.setattr(account, "check_library", broken)
    with pytest.raises(SettingsInvalid, match="BIP 84"):
        BitcoinAccount(Seed("regtest", "00" * 8, bytearray(32)))
