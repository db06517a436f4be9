"""Blocks: header, merkle root, and the block that a miner builds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from provider_sandbox.bitcoin.serial import (
    Malformed,
    Reader,
    double_sha256,
    hidden,
    length_bytes,
    shown,
    text_bytes,
)
from provider_sandbox.bitcoin.transaction import (
    NO_OUTPOINT,
    Input,
    Output,
    Transaction,
    read_transaction,
)

HEADER_SIZE = 80
EASY_BITS = 0x207FFFFF
"""The difficulty of regtest: every second hash is good."""
_VERSION = 0x20000000
_COMMITMENT = bytes.fromhex("6a24aa21a9ed")
_FIRST_REWARD = 50 * 10**8
_HALVING = 150
_SMALL_HEIGHTS = 16


@dataclass(frozen=True)
class Block:
    """A block."""

    version: int
    previous: str
    merkle_root: str
    time: int
    bits: int
    nonce: int
    transactions: tuple[Transaction, ...]

    @cached_property
    def header(self) -> bytes:
        """The 80 bytes of the header."""
        return header_bytes(self)

    @cached_property
    def hash(self) -> str:
        """The block's hash."""
        return shown(double_sha256(self.header))

    @cached_property
    def raw(self) -> bytes:
        """All bytes."""
        body = b"".join(one.raw() for one in self.transactions)
        return self.header + length_bytes(len(self.transactions)) + body

    @property
    def stripped_size(self) -> int:
        """Bytes, without witnesses."""
        count = len(length_bytes(len(self.transactions)))
        return HEADER_SIZE + count + sum(one.stripped_size for one in self.transactions)

    @property
    def weight(self) -> int:
        """Weight units."""
        return self.stripped_size * 3 + len(self.raw)


def header_bytes(block: Block) -> bytes:
    """The header's bytes."""
    numbers = (block.time, block.bits, block.nonce)
    return b"".join(
        (
            block.version.to_bytes(4, "little"),
            hidden(block.previous),
            hidden(block.merkle_root),
            *(number.to_bytes(4, "little") for number in numbers),
        )
    )


def parse_block(data: bytes) -> Block:
    """The block in these bytes.

    Raises:
        Malformed: they are not exactly one block.
    """
    reader = Reader(data)
    version, previous, root = reader.number(4), shown(reader.take(32)), shown(reader.take(32))
    time, bits, nonce = (reader.number(4) for _ in range(3))
    count = reader.length()
    if count > reader.left:
        raise Malformed("the data end too early")
    transactions = tuple(read_transaction(reader) for _ in range(count))
    if reader.left:
        raise Malformed("bytes are left after the block")
    return Block(version, previous, root, time, bits, nonce, transactions)


def merkle_root(hashes: Sequence[str]) -> str:
    """The root of the tree over these hashes."""
    level = [hidden(one) for one in hashes]
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [double_sha256(a + b) for a, b in zip(level[::2], level[1::2], strict=True)]
    return shown(level[0])


@dataclass(frozen=True, slots=True)
class Draft:
    """What a miner wants in a block."""

    previous: str
    """The hash of the block below."""
    height: int
    time: int
    """Seconds since 1970."""
    reward_script: bytes
    """Receives subsidy and fees."""
    fees: int
    """Of the transactions, in satoshi."""
    transactions: Sequence[Transaction]
    """Without the coinbase, parents before children."""
    extra: int
    """Makes blocks with equal content different."""


def build_block(draft: Draft) -> Block:
    """The block, with enough work."""
    reward = Output(subsidy(draft.height) + draft.fees, draft.reward_script)
    every = (_coinbase(draft, reward), *draft.transactions)
    root = merkle_root([one.id for one in every])
    return _mined(Block(_VERSION, draft.previous, root, draft.time, EASY_BITS, 0, every))


def subsidy(height: int) -> int:
    """The new satoshi of a block; on regtest it halves every 150 blocks."""
    return _FIRST_REWARD >> (height // _HALVING)


def height_script(height: int) -> bytes:
    """The height as the coinbase begins with it (BIP 34)."""
    if 0 < height <= _SMALL_HEIGHTS:
        return bytes([0x50 + height])
    number = height.to_bytes(height.bit_length() // 8 + 1, "little")
    return text_bytes(number)


def _coinbase(draft: Draft, reward: Output) -> Transaction:
    root = merkle_root([bytes(32).hex(), *(one.witness_id for one in draft.transactions)])
    committed = double_sha256(hidden(root) + bytes(32))
    script = height_script(draft.height) + text_bytes(draft.extra.to_bytes(8, "little"))
    spent = Input(NO_OUTPOINT, script, 0xFFFFFFFF, (bytes(32),))
    return Transaction((spent,), (reward, Output(0, _COMMITMENT + committed)))


def _mined(block: Block) -> Block:
    target = target_of(block.bits)
    fields = block.__dict__.copy()
    while True:
        if int.from_bytes(double_sha256(header_bytes(block)), "little") <= target:
            return block
        fields["nonce"] += 1
        block = Block(**fields)


def target_of(bits: int) -> int:
    """The highest good hash, from its short form."""
    size, mantissa = bits >> 24, bits & 0x7FFFFF
    return mantissa << 8 * (size - 3) if size > 3 else mantissa >> 8 * (3 - size)


def work_of(bits: int) -> int:
    """The expected number of hashes for a block of this difficulty."""
    target = target_of(bits)
    return (1 << 256) // (target + 1) if 0 < target < 1 << 256 else 0
