"""Bytes of blocks: header, proof of work, Merkle root. Pure, no I/O.

Hashes are text as nodes write them: the digest's bytes reversed, in hex.
Source: developer.bitcoin.org/reference/block_chain.html.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

HEADER_BYTES = 80
_MANTISSA, _SIGN = 0x007FFFFF, 0x00800000
_SMALL_EXPONENT = 3

POW_LIMITS = {
    "main": 0x1D00FFFF,
    "test": 0x1D00FFFF,
    "testnet4": 0x1D00FFFF,
    "signet": 0x1E0377AE,
    "regtest": 0x207FFFFF,
}
"""The easiest target of each network, in compact form (Bitcoin Core, kernel/chainparams.cpp)."""


class BlockInvalid(Exception):
    """The bytes are not a valid block, or not the block that was requested."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header."""

    hash: str
    prev_hash: str
    merkle_root: str
    bits: int
    """The target of its proof of work, in compact form."""


def double_sha(data: bytes) -> bytes:
    """SHA-256, twice."""
    return sha256(sha256(data).digest()).digest()


def hex_of(digest: bytes) -> str:
    """A digest as nodes write it."""
    return digest[::-1].hex()


def read_header(raw: bytes) -> Header:
    """The header at the start of a block's bytes.

    Raises:
        BlockInvalid: there are less than 80 bytes.
    """
    if len(raw) < HEADER_BYTES:
        raise BlockInvalid("shorter than a header")
    head = raw[:HEADER_BYTES]
    return Header(
        hash=hex_of(double_sha(head)),
        prev_hash=hex_of(head[4:36]),
        merkle_root=hex_of(head[36:68]),
        bits=int.from_bytes(head[72:76], "little"),
    )


def target_of(bits: int) -> int:
    """The number that a block's hash must not exceed.

    Raises:
        BlockInvalid: the compact form is zero or negative.
    """
    exponent, mantissa = bits >> 24, bits & _MANTISSA
    if bits & _SIGN or not mantissa:
        raise BlockInvalid("no target")
    if exponent <= _SMALL_EXPONENT:
        return mantissa >> (8 * (_SMALL_EXPONENT - exponent))
    return mantissa << (8 * (exponent - _SMALL_EXPONENT))


def work_of(bits: int) -> int:
    """The expected number of hashes behind a block; the chain with the larger sum is the best."""
    return (2**256) // (target_of(bits) + 1)


def check_work(header: Header, network: str) -> None:
    """Refuse a header without proof of work, or with less than the network ever asks for.

    Raises:
        BlockInvalid: so.
    """
    target = target_of(header.bits)
    if target > target_of(POW_LIMITS[network]) or int(header.hash, 16) > target:
        raise BlockInvalid("no proof of work")


def merkle_root(txids: Sequence[bytes]) -> str:
    """The Merkle root of a block's transaction ids, which are digests.

    Raises:
        BlockInvalid: there are none.
    """
    level = list(txids)
    if not level:
        raise BlockInvalid("no transactions")
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [double_sha(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
    return hex_of(level[0])
