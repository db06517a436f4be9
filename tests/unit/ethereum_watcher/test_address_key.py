"""What the start checks of the account's key, and of the library that derives from it."""

import pytest

from cift_shared.errors import SettingsInvalid
from ethereum_watcher import addresses
from ethereum_watcher.addresses import (
    AddressInvalid,
    AddressKey,
    check_library,
    parse_address,
)
from tests.support.ethereum import XPUB
from tests.support.ethereum_wallet import ACCOUNT


def test_a_library_that_derives_otherwise_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_VECTOR_ADDRESS", "0x" + "1" * 40)
    with pytest.raises(SettingsInvalid, match="does not derive the known address"):
        check_library()


@pytest.mark.parametrize("prefix", ["xprv", "tprv"])
def test_a_private_key_is_named_as_such(prefix: str) -> None:
    with pytest.raises(SettingsInvalid, match="a private key; the watcher must have none"):
        AddressKey(prefix + XPUB[4:])


def test_the_watcher_and_the_signer_have_the_same_addresses() -> None:
    """One derives from the public key, the other from the seed."""
    key, account = AddressKey(ACCOUNT.xpub), ACCOUNT
    assert (key.hot.address, key.hot.script) == (account.hot_address, account.hot)
    assert key.hot.address == account.address(1, 0)
    for index in (0, 1, 2**31 - 1):
        assert key.derive(index).address == account.address(0, index)


def test_one_capital_letter_is_a_checksum_too() -> None:
    with pytest.raises(AddressInvalid, match="EIP-55"):
        parse_address("0xA" + "b" * 39)
    parse_address("0xa" + "b" * 39)
