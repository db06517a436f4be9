"""A transaction for a wallet elsewhere: it finds its keys in it, and what it signs is valid."""

from typing import Any

import pytest

from bitcoin_watcher.addresses import CHANGE, AddressKey
from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.psbt import psbt_of
from bitcoin_watcher.spending import Paid, Spent, build, parse
from chain_watch.libwally import wally
from crypto_signer.policy import Input
from crypto_signer.signing import sign
from tests.support.bitcoin_wallet import ACCOUNT, SEED
from wallet_keys.account import words_of

COLD = b"\x00\x14" + b"\x33" * 20
BARE = ACCOUNT.xpub
ORIGIN = f"wpkh([{ACCOUNT.fingerprint}/84h/1h/0h]{ACCOUNT.xpub}/<0;1>/*)"
COINS = [
    Coin("11" * 32, 1, 9_000, 0, 3, ACCOUNT.script(0, 3)),
    Coin("22" * 32, 0, 7_000, 1, 5, ACCOUNT.script(1, 5)),
]
UNSIGNED = build(
    [Spent(one.txid, one.vout) for one in COINS],
    [Paid(COLD, 10_000), Paid(ACCOUNT.script(1, 8), 5_000)],
    lock_time=7,
)


def master() -> Any:
    stretched = wally.bip39_mnemonic_to_seed512(words_of(SEED), None)
    return wally.bip32_key_from_seed(stretched, wally.BIP32_VER_TEST_PRIVATE, 0)


def account() -> Any:
    path = [one | 0x80000000 for one in (84, 1, 0)]
    return wally.bip32_key_from_parent_path(master(), path, wally.BIP32_FLAG_KEY_PRIVATE)


def signed(psbt: str, key: Any) -> bytes:
    """What a wallet with this key makes of it."""
    made = wally.psbt_from_base64(psbt, 0)
    wally.psbt_sign_bip32(made, key, wally.EC_FLAG_GRIND_R)
    wally.psbt_finalize(made, 0)
    return bytes(wally.tx_to_bytes(wally.psbt_extract(made, 0), wally.WALLY_TX_FLAG_USE_WITNESS))


@pytest.mark.parametrize(
    ("text", "wallet"), [(ORIGIN, master), (BARE, account)], ids=["master key", "account key"]
)
def test_a_wallet_with_the_seed_signs_it_as_our_signer_would(text: str, wallet: Any) -> None:
    raw = signed(psbt_of(UNSIGNED, COINS, AddressKey(text, "regtest"), 8), wallet())
    inputs = [Input(one.txid, one.vout, one.satoshi, one.chain, one.index) for one in COINS]
    assert raw == sign(UNSIGNED, inputs, ACCOUNT)
    assert parse(raw).txid == parse(UNSIGNED).txid


def test_each_input_says_what_it_spends() -> None:
    made = wally.psbt_from_base64(psbt_of(UNSIGNED, COINS, AddressKey(ORIGIN, "regtest"), 8), 0)
    for place, one in enumerate(COINS):
        spent = wally.psbt_get_input_witness_utxo(made, place)
        assert wally.tx_output_get_satoshi(spent) == one.satoshi
        assert bytes(wally.tx_output_get_script(spent)) == one.script
        assert wally.psbt_get_input_sighash(made, place) == wally.WALLY_SIGHASH_ALL


def test_only_change_is_shown_as_ours() -> None:
    made = wally.psbt_from_base64(psbt_of(UNSIGNED, COINS, AddressKey(ORIGIN, "regtest"), 8), 0)
    places = [wally.psbt_get_output_keypaths_size(made, place) for place in range(2)]
    assert places == [0, 1]
    without = wally.psbt_from_base64(psbt_of(UNSIGNED, COINS, AddressKey(BARE, "regtest"), None), 0)
    assert [wally.psbt_get_output_keypaths_size(without, place) for place in range(2)] == [0, 0]


@pytest.mark.parametrize("origin", ["84h/1h/0h", "84'/1'/0'", "84h/1'/0"])
def test_the_path_of_a_key_begins_at_the_named_master_key(origin: str) -> None:
    key = AddressKey(f"wpkh([deadbeef/{origin}]{BARE}/<0;1>/*)", "regtest")
    child = key.child(CHANGE, 4)
    assert child.fingerprint.hex() == "deadbeef"
    last = 0 if origin.endswith("0") else 0x80000000
    assert list(child.path) == [84 | 0x80000000, 1 | 0x80000000, last, CHANGE, 4]
    assert child.public == ACCOUNT.key(CHANGE, 4)[1]


def test_without_one_it_begins_at_the_account() -> None:
    child = AddressKey(BARE, "regtest").child(0, 3)
    assert list(child.path) == [0, 3]
    fingerprint = wally.bip32_key_get_fingerprint(wally.bip32_key_from_base58(BARE))
    assert child.fingerprint == bytes(fingerprint)
