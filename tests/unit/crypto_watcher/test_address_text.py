"""The form of addresses: what libwally takes on some network passes, a changed letter does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitcoin_method.address_text import is_address, shortened
from bitcoin_method.instruments import RECIPIENT, BitcoinAddressIn
from cift_shared.errors import InvalidCommand
from tests.support.wally import wally

VALID = (
    "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
    "BC1QCR8TE4KR609GCAWUTMRZA0J4XV80JY8Z306FYU",
    "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
    "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk",
    "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "1X22NUeVW7UgHDYXMckRAhuLj4MbpJiuq",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
    "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
)
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@pytest.mark.parametrize("text", VALID)
def test_addresses_pass(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bc1",
        "bc1q",
        "bc1Qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
        "ltc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7k7grplx",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
        "1" * 34,
        "é" * 42,
        "bc1q" + "q" * 200,
    ],
)
def test_others_do_not(text: str) -> None:
    assert is_address(text) is False


@given(st.binary(min_size=20, max_size=20), st.sampled_from(["bc", "tb", "bcrt"]))
def test_every_segwit_address_of_libwally_passes(program: bytes, prefix: str) -> None:
    for script in (b"\x00\x14" + program, b"\x51\x20" + program + b"\x07" * 12):
        assert is_address(wally.addr_segwit_from_bytes(script, prefix, 0))


@given(st.integers(4, 41), st.sampled_from(BECH32))
def test_a_changed_letter_is_noticed(at: int, letter: str) -> None:
    text = VALID[0]
    changed = text[:at] + letter + text[at + 1 :]
    assert is_address(changed) == (changed == text)


def bech32(prefix: str, values: list[int], constant: int) -> str:
    """A text with the checksum of BIP 173 (constant 1) or BIP 350."""
    expanded = [ord(one) >> 5 for one in prefix] + [0] + [ord(one) & 31 for one in prefix]
    check = 1
    for value in [*expanded, *values, *[0] * 6]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(GENERATOR):
            check ^= term if (top >> place) & 1 else 0
    check ^= constant
    checksum = [(check >> 5 * (5 - place)) & 31 for place in range(6)]
    return f"{prefix}1" + "".join(BECH32[value] for value in [*values, *checksum])


GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
BECH32M = 0x2BC830A3


@pytest.mark.parametrize(("length", "fits"), [(90, True), (91, False)])
def test_an_address_has_at_most_90_letters(length: int, fits: bool) -> None:
    text = bech32("bc", [1] * (length - len("bc1") - 6), BECH32M)
    assert len(text) == length
    assert is_address(text) is fits


@pytest.mark.parametrize("constant", [1, BECH32M])
def test_a_checksum_of_nothing_is_no_address(constant: int) -> None:
    assert is_address(bech32("bc", [], constant)) is False


class TestRecipient:
    def test_the_address_is_sealed_and_shown_shortened(self) -> None:
        given_address = BitcoinAddressIn(bitcoin_address=f" {VALID[0]} ")
        named = RECIPIENT.read(given_address, "/payment_method")
        assert named.secret == VALID[0]
        assert named.public == {"address": shortened(VALID[0])} == {"address": "bc1qcr8t…306fyu"}
        assert RECIPIENT.display(named.public) == "bc1qcr8t…306fyu"

    @pytest.mark.parametrize("text", [None, "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyv"])
    def test_a_misspelt_one_is_refused(self, text: str | None) -> None:
        with pytest.raises(InvalidCommand) as refused:
            RECIPIENT.read(BitcoinAddressIn(bitcoin_address=text), "/payment_method")
        assert refused.value.pointer == "/payment_method/bitcoin_address"
