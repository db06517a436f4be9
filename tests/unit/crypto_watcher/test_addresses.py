"""Addresses: the vectors of BIP 84, and everything that is not an address of the network."""

import pytest

from bitcoin_watcher.addresses import AddressInvalid, AddressKey, check_library, parse_address
from chain_watch.libwally import wally
from cift_shared.errors import SettingsInvalid
from tests.support.bitcoin import FIRST, TPUB, XPUB

MAIN = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
CHANGE = "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"
TEST = "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl"
TAPROOT = "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"
XPRV = (
    "xprv9ybY78BftS5UGANki6oSifuQEjkpyAC8ZmBvBNTshQnCBcxnefjHS7buPMkkqhcRzmoGZ5bokx7GuyDAiktd5"
    "RemtxsTwF7xwyGbNPXdFTU"
)  # not a valid key: its form alone is enough to be refused


def test_the_library_derives_the_vectors() -> None:
    check_library()
    key = AddressKey(XPUB, "main")
    assert key.derive(0).address == MAIN
    assert AddressKey(TPUB, "regtest").derive(0).address == FIRST
    assert AddressKey(TPUB, "test").derive(0).address == TEST
    assert AddressKey(TPUB, "signet").derive(0).address == TEST


def test_a_descriptor_derives_the_same_and_never_change() -> None:
    both = AddressKey(f"wpkh([73c5da0a/84h/0h/0h]{XPUB}/<0;1>/*)#qf45pmyh", "main")
    assert both.derive(0).address == MAIN
    assert AddressKey(f"wpkh({XPUB}/1/*)", "main").derive(0).address == CHANGE


def test_indices_give_different_scripts() -> None:
    key = AddressKey(TPUB, "regtest")
    assert len({key.derive(index).script for index in range(200)}) == 200
    assert key.derive(2**31 - 2).address.startswith("bcrt1q")


@pytest.mark.parametrize(
    ("text", "network"),
    [
        (TPUB, "main"),
        (XPUB, "regtest"),
        (XPUB, "test"),
        (XPUB[:-1] + "W", "main"),
        (XPRV, "main"),
        (f"wpkh({XPRV}/0/*)", "main"),
        (f"wpkh({XPUB}/0/5)", "main"),
        (f"wpkh([73c5da0a/84h/0h/0h]{XPUB}/<0;1>/*)#qf45pmyx", "main"),
        (f"pkh({XPUB}/0/*)", "main"),
        (MAIN, "main"),
        ("", "main"),
    ],
)
def test_other_keys_stop_the_start_and_are_not_repeated(text: str, network: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        AddressKey(text, network)
    assert text == "" or text not in str(refused.value)


def test_a_private_key_is_refused() -> None:
    seed = wally.bip39_mnemonic_to_seed512("abandon " * 11 + "about", "")
    key = wally.bip32_key_from_seed(seed, wally.BIP32_VER_TEST_PRIVATE, 0)
    private = wally.bip32_key_to_base58(key, wally.BIP32_FLAG_KEY_PRIVATE)
    with pytest.raises(SettingsInvalid, match="private"):
        AddressKey(f"wpkh({private}/0/*)", "regtest")


@pytest.mark.parametrize(
    ("address", "network"), [(MAIN, "main"), (TEST, "test"), (TEST, "signet"), (TAPROOT, "main"),
                             (FIRST, "regtest"), ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "main")]
)  # fmt: skip
def test_addresses_of_the_network_are_read(address: str, network: str) -> None:
    assert parse_address(address, network).address == address


def test_upper_case_is_the_same_address() -> None:
    assert parse_address(MAIN.upper(), "main") == parse_address(MAIN, "main")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (MAIN, "test"),
        (TEST, "main"),
        (TEST, "regtest"),
        (FIRST, "test"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "regtest"),
        (MAIN[:-1] + "v", "main"),
        (MAIN[:6].upper() + MAIN[6:], "main"),
        # bech32 with a later version, bech32m with version 0 (BIP 350, invalid addresses)
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "main"),
        (
            "bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav"[:62],
            "main",
        ),
        # version 16 and version 2 (BIP 350, valid addresses): anyone may spend
        ("BC1SW50QGDZ25J", "main"),
        ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "main"),
        ("", "main"),
        ("bc1", "main"),
        ("0x9858EfFD232B4033E47d90003D41EC34EcaEda94", "main"),
    ],
)
def test_anything_else_is_refused(address: str, network: str) -> None:
    with pytest.raises(AddressInvalid):
        parse_address(address, network)
