"""The branches of an account, scripts and their addresses, and witness programs that are not safe.

Source: BIP 84, test vectors; BIP 350, valid addresses.
"""

import pytest

from bitcoin_watcher import addresses
from bitcoin_watcher.addresses import (
    CHANGE,
    DEPOSITS,
    AddressInvalid,
    AddressKey,
    address_of,
    check_library,
    parse_address,
)
from cift_shared.errors import SettingsInvalid
from tests.support.bitcoin import TPUB, XPUB
from tests.support.wally import wally

FIRST = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
FIRST_CHANGE = "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"
TEST = "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl"


@pytest.mark.parametrize(
    ("chain", "address"), [(DEPOSITS, FIRST), (CHANGE, FIRST_CHANGE)], ids=["deposits", "change"]
)
def test_the_branches_have_the_addresses_and_scripts_of_the_vector(
    chain: int, address: str
) -> None:
    assert AddressKey(XPUB, "main").derive(0, chain) == parse_address(address, "main")


@pytest.mark.parametrize(
    ("text", "has_change"),
    [(XPUB, True), (f"wpkh({XPUB}/<0;1>/*)", True), (f"wpkh({XPUB}/0/*)", False)],
    ids=["a bare key", "two branches", "one branch"],
)
def test_change_needs_a_branch_of_its_own(text: str, has_change: bool) -> None:
    assert AddressKey(text, "main").has_change is has_change


@pytest.mark.parametrize("network", ["test", "testnet4", "signet"])
def test_the_test_networks_share_their_addresses(network: str) -> None:
    derived = AddressKey(TPUB, network).derive(0)
    assert derived == parse_address(TEST, network)
    assert address_of(derived.script, network) == TEST


def test_a_script_without_a_witness_has_no_address_here() -> None:
    script = parse_address("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "main").script
    with pytest.raises(AddressInvalid, match="no SegWit script"):
        address_of(script, "main")


@pytest.mark.parametrize(
    "program", [b"\x51\x28" + b"\x07" * 40, b"\x51\x02" + b"\x07" * 2, b"\x52\x20" + b"\x07" * 32],
    ids=["version 1 of 40 bytes", "version 1 of 2 bytes", "version 2 of 32 bytes"],
)  # fmt: skip
def test_a_program_that_anyone_may_spend_is_refused(program: bytes) -> None:
    text = wally.addr_segwit_from_bytes(program, "bc", 0)
    with pytest.raises(AddressInvalid, match="not protected"):
        parse_address(text, "main")


def test_a_library_that_derives_otherwise_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_VECTOR_ADDRESS", FIRST_CHANGE)
    with pytest.raises(SettingsInvalid, match="BIP 84"):
        check_library()
