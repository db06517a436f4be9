"""The filter of a block's header that says which logs the block can't have. Pure, no I/O.

Each contract and each topic of a log sets three of the 2048 bits. Source: Yellow Paper, 4.4.1.
"""

from ethereum_watcher.addresses import keccak256
from ethereum_watcher.wire import BLOOM_BYTES

_LAST_BIT = BLOOM_BYTES * 8 - 1


def may_have(bloom: bytes, *parts: bytes) -> bool:
    """False if no log of the block has all of these parts (a contract, topics)."""
    filled = int.from_bytes(bloom)
    return all(filled >> bit & 1 for part in parts for bit in _bits(part))


def _bits(part: bytes) -> list[int]:
    digest = keccak256(part)
    return [int.from_bytes(digest[place : place + 2]) & _LAST_BIT for place in (0, 2, 4)]
