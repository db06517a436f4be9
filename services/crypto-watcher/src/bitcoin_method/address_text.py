"""Does a text have the form of a Bitcoin address, and a right checksum? Pure, no I/O, no library.

The gateway asks, so that a misspelt address is refused at once. It does not know the network: the
worker decides whether the address can be paid.

Source: BIP 173, BIP 350; developer.bitcoin.org for Base58Check.
"""

from collections.abc import Sequence
from hashlib import sha256

CHARS_MAX = 90
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_CONST, _BECH32M_CONST = 1, 0x2BC830A3
_PREFIXES = ("bc", "tb", "bcrt")
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_BYTES = 25
_VERSIONS = frozenset({0x00, 0x05, 0x6F, 0xC4})
"""Public key and script, of the main network and of the test networks."""
_CHECKSUM_CHARS = 6


def is_address(text: str) -> bool:
    """True for an address of any Bitcoin network; its checksum was computed."""
    if not 0 < len(text) <= CHARS_MAX or not text.isascii():
        return False
    prefix, separator, _ = text.lower().rpartition("1")
    if separator and prefix in _PREFIXES:
        return _is_segwit(text)
    return _is_base58(text)


def shortened(text: str) -> str:
    """The beginning and the end of an address, for lists."""
    return f"{text[:8]}…{text[-6:]}"


def _is_segwit(text: str) -> bool:
    lower = text.lower()
    if text not in (lower, text.upper()):
        return False
    prefix, _, data = lower.rpartition("1")
    if len(data) <= _CHECKSUM_CHARS or any(char not in _BECH32 for char in data):
        return False
    values = [_BECH32.index(char) for char in data]
    wanted = _BECH32M_CONST if values[0] else _BECH32_CONST
    return _polymod([*_expanded(prefix), *values]) == wanted


def _expanded(prefix: str) -> list[int]:
    return [*(ord(char) >> 5 for char in prefix), 0, *(ord(char) & 31 for char in prefix)]


def _polymod(values: Sequence[int]) -> int:
    generator = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(generator):
            check ^= term if top >> place & 1 else 0
    return check


def _is_base58(text: str) -> bool:
    number = 0
    for char in text:
        place = _BASE58.find(char)
        if place < 0:
            return False
        number = number * 58 + place
    zeros = len(text) - len(text.lstrip("1"))
    size = (number.bit_length() + 7) // 8
    if zeros + size != _BASE58_BYTES:
        return False
    raw = bytes(zeros) + number.to_bytes(size, "big")
    digest = sha256(sha256(raw[:-4]).digest()).digest()
    return raw[0] in _VERSIONS and digest[:4] == raw[-4:]
