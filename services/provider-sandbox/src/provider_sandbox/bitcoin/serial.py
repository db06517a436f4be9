"""Bytes of the Bitcoin wire format: integers, lengths, hashes."""

import hashlib


class Malformed(ValueError):
    """The bytes are not what they should be."""


class Reader:
    """Reads a byte string from its start."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes.

        Raises:
            Malformed: fewer are left.
        """
        end = self.position + count
        if end > len(self.data):
            raise Malformed("the data end too early")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def number(self, size: int) -> int:
        """The next unsigned little-endian integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def length(self) -> int:
        """The next length; only its shortest form is accepted, as in Bitcoin Core.

        Raises:
            Malformed: the data end, or a shorter form exists.
        """
        first = self.number(1)
        if first < _TWO_BYTES:
            return first
        size, least = _LONG_LENGTHS[first]
        value = self.number(size)
        if value < least:
            raise Malformed("a length is not in its shortest form")
        return value

    def text(self) -> bytes:
        """The next byte string, which begins with its length."""
        return self.take(self.length())

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.position


_TWO_BYTES = 0xFD
_LONG_LENGTHS = {0xFD: (2, 0xFD), 0xFE: (4, 0x1_0000), 0xFF: (8, 0x1_0000_0000)}


def length_bytes(value: int) -> bytes:
    """A length in its shortest form."""
    for prefix, (size, least) in reversed(_LONG_LENGTHS.items()):
        if value >= least:
            return bytes([prefix]) + value.to_bytes(size, "little")
    return bytes([value])


def text_bytes(value: bytes) -> bytes:
    """A byte string after its length."""
    return length_bytes(len(value)) + value


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def double_sha256(data: bytes) -> bytes:
    """SHA-256 of SHA-256: the hash of blocks and transactions."""
    return sha256(sha256(data))


def shown(raw_hash: bytes) -> str:
    """A hash as people and the RPC write it: reversed, in hexadecimal."""
    return raw_hash[::-1].hex()


def hidden(text: str) -> bytes:
    """The bytes of a hash that was written by `shown`."""
    return bytes.fromhex(text)[::-1]
