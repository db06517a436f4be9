"""Addresses: known vectors, and everything that ether must not be sent to."""

import pytest
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import SettingsInvalid
from ethereum_watcher.addresses import (
    AddressInvalid,
    AddressKey,
    check_library,
    checksummed,
    keccak256,
    parse_address,
)
from tests.support.ethereum import FIRST, XPUB
from tests.support.ethereum_keys import Wallet

MASTER = (
    "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg"
    "7usUDFdp6W1EGMcet8"
)
"""The key of test vector 3 of BIP 32 is not an account's: its depth is 0."""


def test_the_library_derives_the_vectors() -> None:
    check_library()
    key = AddressKey(XPUB)
    assert key.derive(0).address == FIRST
    assert key.derive(0).script.hex() == FIRST[2:].lower()
    assert key.derive(1).address == "0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0"


def test_indices_give_different_addresses() -> None:
    key = AddressKey(XPUB)
    assert len({key.derive(index).script for index in range(200)}) == 200
    assert key.derive(2**31 - 1).address.startswith("0x")


@pytest.mark.parametrize(
    "text",
    ["", "xpub", XPUB[:-1] + "u", XPUB + "t", f"wpkh({XPUB})", MASTER, FIRST, "xprv" + XPUB[4:]],
)
def test_other_keys_are_refused(text: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        AddressKey(text)
    assert XPUB[10:] not in str(refused.value)


def test_the_hash_is_keccak_and_not_sha3() -> None:
    assert keccak256(b"").hex().startswith("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b")


@pytest.mark.parametrize(
    "text",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_the_vectors_of_eip_55(text: str) -> None:
    assert parse_address(text).address == text
    assert parse_address("0x" + text[2:].lower()).address == text
    assert parse_address("0x" + text[2:].upper()).address == text


@pytest.mark.parametrize(
    "text",
    [
        FIRST.swapcase().replace("0X", "0x"),
        "0x9858effD232B4033E47d90003D41EC34EcaEda94",
        FIRST[2:],
        FIRST[:-1],
        FIRST + "0",
        "0X" + FIRST[2:],
        f" {FIRST}",
        f"{FIRST}\n",
        "0x" + "0" * 40,
        "0x" + "1".rjust(40, "0"),
        "0x" + "1ff".rjust(40, "0"),
        "0x" + "g" * 40,
        "",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressInvalid):
        parse_address(text)


def test_the_first_address_that_may_have_a_key() -> None:
    assert parse_address("0x" + "200".rjust(40, "0")).script == (0x200).to_bytes(20)


@given(st.binary(min_size=20, max_size=20))
def test_the_checksum_is_that_of_another_library(account: bytes) -> None:
    assert checksummed(account) == to_checksum_address(account)


@pytest.mark.parametrize("number", [1, 2, 12345])
def test_addresses_of_keys_are_those_of_another_library(number: int) -> None:
    address = Wallet(number).address
    assert parse_address(address.lower()).address == address
