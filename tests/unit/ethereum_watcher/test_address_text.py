"""What the gateway takes for an address; its hash is computed without a library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import InvalidCommand
from ethereum_method.address_text import checksummed, is_address, keccak256, shortened
from ethereum_method.recipient import RECIPIENT, EthereumAddressIn
from ethereum_watcher import addresses
from tests.support.ethereum import FIRST, SHARED


@given(st.binary(max_size=135))
def test_the_hash_is_that_of_the_library(data: bytes) -> None:
    assert keccak256(data) == addresses.keccak256(data)


def test_a_longer_text_is_refused() -> None:
    with pytest.raises(ValueError, match="one round"):
        keccak256(bytes(136))


@given(st.binary(min_size=20, max_size=20))
def test_the_checksum_is_that_of_the_watcher(account: bytes) -> None:
    shown = addresses.checksummed(account)
    assert checksummed(account.hex()) == shown
    assert is_address(shown)
    assert is_address(shown.lower())


@pytest.mark.parametrize(
    "text",
    ["", "0x", FIRST[2:], FIRST[:-1], FIRST + "0", FIRST.replace("E", "e", 1), "0X" + FIRST[2:],
     SHARED.swapcase(), f" {FIRST}", "0x" + "g" * 40],
    ids=["nothing", "prefix", "no prefix", "short", "long", "one letter", "wrong prefix",
         "other case", "space", "not hex"],
)  # fmt: skip
def test_a_misspelt_address_is_none(text: str) -> None:
    assert not is_address(text)


def test_it_is_shown_shortened() -> None:
    assert shortened(FIRST) == "0x9858Ef…aEda94"


def test_the_instrument_keeps_the_address_and_shows_a_part() -> None:
    named = RECIPIENT.read(EthereumAddressIn(ethereum_address=FIRST), "/payment_method")
    assert named.secret == FIRST
    assert named.public == {"address": shortened(FIRST)}
    assert RECIPIENT.display(named.public) == shortened(FIRST)


def test_a_misspelt_one_is_refused_with_its_place() -> None:
    given_address = EthereumAddressIn(ethereum_address=FIRST.replace("E", "e", 1))
    with pytest.raises(InvalidCommand) as refused:
        RECIPIENT.read(given_address, "/payment_method")
    assert refused.value.pointer == "/payment_method/ethereum_address"
