"""Regtest addresses and the types of output scripts.

Bech32 and bech32m: BIP 173 and BIP 350. Base58 with checksum: the prefixes of the test networks.
"""

from collections.abc import Iterable

from provider_sandbox.bitcoin.serial import double_sha256

PREFIX = "bcrt"
_KEY_HASH, _SCRIPT_HASH = 0x6F, 0xC4
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CONSTANTS = {0: 1}
_BECH32M = 0x2BC830A3
_CHECKSUM = 6
_LONGEST = 90
_LONGEST_BASE58 = 120
_HASH, _LONG_HASH = 20, 32
_SMALLEST_PROGRAM, _LARGEST_PROGRAM = 2, 40
_NEWEST_VERSION = 16
ANCHOR = bytes.fromhex("51024e73")


class BadAddress(ValueError):
    """The text is not an address of this network."""


def script_of(address: str) -> bytes:
    """The output script of an address.

    Raises:
        BadAddress: it is not a valid address of regtest.
    """
    if address.lower().startswith(PREFIX + "1"):
        return _segwit_script(address)
    payload = base58_payload(address)
    if len(payload) == 1 + _HASH and payload[0] == _KEY_HASH:
        return b"\x76\xa9\x14" + payload[1:] + b"\x88\xac"
    if len(payload) == 1 + _HASH and payload[0] == _SCRIPT_HASH:
        return b"\xa9\x14" + payload[1:] + b"\x87"
    raise BadAddress("Invalid or unsupported Base58-encoded address.")


def address_of(script: bytes) -> str | None:
    """The address of an output script; None: it has none."""
    kind = script_type(script)
    if kind == "pubkeyhash":
        return _base58(bytes([_KEY_HASH]) + script[3:23])
    if kind == "scripthash":
        return _base58(bytes([_SCRIPT_HASH]) + script[2:22])
    if kind.startswith("witness_") or kind == "anchor":
        return segwit_address(_version(script), script[2:])
    return None


def script_type(script: bytes) -> str:
    """The type's name in Bitcoin Core's RPC."""
    if (witness := _witness_type(script)) is not None:
        return witness
    if script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return "pubkeyhash"
    if script[:2] == b"\xa9\x14" and len(script) == _HASH + 3 and script[-1] == 0x87:
        return "scripthash"
    if script[:1] == b"\x6a" and pushes_only(script[1:]):
        return "nulldata"
    return "pubkey" if _is_public_key(script) else "nonstandard"


def pushes_only(script: bytes) -> bool:
    """True if the script does nothing but push data."""
    position = 0
    while position < len(script):
        code = script[position]
        if code > 0x60:
            return False
        position += 1
        if code <= 0x4B:
            position += code
        elif code <= 0x4E:
            size = 1 << code - 0x4C
            position += size + int.from_bytes(script[position : position + size], "little")
    return position == len(script)


def _witness_type(script: bytes) -> str | None:
    version = _version(script)
    program = script[2:]
    if version is None or len(program) != script[1]:
        return None
    if not _SMALLEST_PROGRAM <= len(program) <= _LARGEST_PROGRAM:
        return None
    if version == 0:
        names = {_HASH: "witness_v0_keyhash", _LONG_HASH: "witness_v0_scripthash"}
        return names.get(len(program), "nonstandard")
    if script == ANCHOR:
        return "anchor"
    return "witness_v1_taproot" if (version, len(program)) == (1, _LONG_HASH) else "witness_unknown"


def _version(script: bytes) -> int | None:
    if len(script) < 4:
        return None
    if script[0] == 0:
        return 0
    return script[0] - 0x50 if 0x51 <= script[0] <= 0x60 else None


def _is_public_key(script: bytes) -> bool:
    sizes = {33: (2, 3), 65: (4,)}
    return (
        len(script) >= 35
        and script[-1] == 0xAC
        and len(script) == script[0] + 2
        and script[1] in sizes.get(script[0], ())
    )


def segwit_address(version: int | None, program: bytes) -> str:
    """The bech32 or bech32m address of a witness program."""
    assert version is not None
    values = [version, *_regrouped(program, 8, 5, pad=True)]
    constant = _CONSTANTS.get(version, _BECH32M)
    sum_ = _polymod([*_expanded(PREFIX), *values, *[0] * _CHECKSUM]) ^ constant
    values += [sum_ >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return PREFIX + "1" + "".join(_BECH32[value] for value in values)


def _segwit_script(address: str) -> bytes:
    if address not in (address.lower(), address.upper()) or len(address) > _LONGEST:
        raise BadAddress("Invalid checksum or mixed case in Bech32 address.")
    letters = address.lower()[len(PREFIX) + 1 :]
    if len(letters) <= _CHECKSUM or not set(letters) <= set(_BECH32):
        raise BadAddress("Invalid Bech32 character.")
    values = [_BECH32.index(letter) for letter in letters]
    version = values[0]
    if _polymod([*_expanded(PREFIX), *values]) != _CONSTANTS.get(version, _BECH32M):
        raise BadAddress("Invalid Bech32 checksum.")
    program = _program(values[1:-_CHECKSUM])
    if version > _NEWEST_VERSION or not _SMALLEST_PROGRAM <= len(program) <= _LARGEST_PROGRAM:
        raise BadAddress("Invalid Bech32 address program size.")
    if version == 0 and len(program) not in (_HASH, _LONG_HASH):
        raise BadAddress("Invalid Bech32 v0 address program size.")
    return bytes([0x50 + version if version else 0, len(program)]) + program


def _program(values: list[int]) -> bytes:
    bits = len(values) * 5 % 8
    last = values[-1] if values else 0
    if bits >= 5 or last & (1 << bits) - 1:
        raise BadAddress("Invalid padding in Bech32 data section.")
    return bytes(_regrouped(values, 5, 8, pad=False))


def _regrouped(values: Iterable[int], size: int, wanted: int, *, pad: bool) -> list[int]:
    """Bits in groups of `size` as groups of `wanted`."""
    held, bits, groups = 0, 0, []
    for value in values:
        held, bits = held << size | value, bits + size
        while bits >= wanted:
            bits -= wanted
            groups.append(held >> bits & (1 << wanted) - 1)
            held &= (1 << bits) - 1
    if pad and bits:
        groups.append(held << wanted - bits)
    return groups


def _expanded(prefix: str) -> list[int]:
    return [ord(one) >> 5 for one in prefix] + [0] + [ord(one) & 31 for one in prefix]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATORS):
            check ^= generator if top >> place & 1 else 0
    return check


def _base58(payload: bytes) -> str:
    data = payload + double_sha256(payload)[:4]
    number, letters = int.from_bytes(data), ""
    while number:
        number, rest = divmod(number, 58)
        letters = _BASE58[rest] + letters
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + letters


def base58_payload(text: str) -> bytes:
    """The bytes that a text with a checksum stands for.

    Raises:
        BadAddress: it is not Base58, or the checksum is wrong.
    """
    if not text or len(text) > _LONGEST_BASE58 or not set(text) <= set(_BASE58):
        raise BadAddress("Invalid or unsupported Segwit (Bech32) or Base58 encoding.")
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    data = bytes(zeros) + number.to_bytes(-(-number.bit_length() // 8))
    if double_sha256(data[:-4])[:4] != data[-4:]:
        raise BadAddress("Invalid checksum or length of Base58 address (P2PKH or P2SH)")
    return data[:-4]
