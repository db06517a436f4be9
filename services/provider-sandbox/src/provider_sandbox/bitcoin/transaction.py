"""Transactions: their bytes, ids and sizes. Amounts are satoshi."""

from dataclasses import dataclass
from functools import cached_property

from provider_sandbox.bitcoin.serial import (
    Malformed,
    Reader,
    double_sha256,
    length_bytes,
    shown,
    text_bytes,
)

NO_OUTPOINT = (bytes(32).hex(), 0xFFFFFFFF)
"""What the only input of a coinbase transaction spends."""
Outpoint = tuple[str, int]
"""An output: transaction id as the RPC writes it, and index."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input."""

    outpoint: Outpoint
    script: bytes = b""
    sequence: int = 0xFFFFFFFD
    witness: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """An output."""

    value: int
    """Satoshi."""
    script: bytes


@dataclass(frozen=True)
class Transaction:
    """A transaction."""

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    version: int = 2
    lock_time: int = 0

    def raw(self, *, witness: bool = True) -> bytes:
        """The bytes, with or without witnesses."""
        marked = witness and any(one.witness for one in self.inputs)
        parts = [self.version.to_bytes(4, "little")]
        if marked:
            parts.append(b"\x00\x01")
        parts.append(length_bytes(len(self.inputs)))
        parts += [_input_bytes(one) for one in self.inputs]
        parts.append(length_bytes(len(self.outputs)))
        parts += [one.value.to_bytes(8, "little") + text_bytes(one.script) for one in self.outputs]
        if marked:
            parts += [_witness_bytes(one.witness) for one in self.inputs]
        parts.append(self.lock_time.to_bytes(4, "little"))
        return b"".join(parts)

    @cached_property
    def id(self) -> str:
        """The transaction id."""
        return shown(double_sha256(self.raw(witness=False)))

    @cached_property
    def witness_id(self) -> str:
        """The hash over everything, including witnesses."""
        return shown(double_sha256(self.raw()))

    @cached_property
    def size(self) -> int:
        """Bytes, with witnesses."""
        return len(self.raw())

    @cached_property
    def stripped_size(self) -> int:
        """Bytes, without witnesses."""
        return len(self.raw(witness=False))

    @property
    def weight(self) -> int:
        """Weight units (BIP 141)."""
        return self.stripped_size * 3 + self.size

    @property
    def virtual_size(self) -> int:
        """Virtual bytes: weight divided by four, rounded up."""
        return -(-self.weight // 4)

    @property
    def is_coinbase(self) -> bool:
        """True for the transaction that creates a block's reward."""
        return len(self.inputs) == 1 and self.inputs[0].outpoint == NO_OUTPOINT

    def outpoint(self, index: int) -> Outpoint:
        """The outpoint of one of the outputs."""
        return self.id, index


def parse_transaction(data: bytes) -> Transaction:
    """The transaction in these bytes.

    Raises:
        Malformed: they are not exactly one transaction.
    """
    reader = Reader(data)
    transaction = read_transaction(reader)
    if reader.left:
        raise Malformed("bytes are left after the transaction")
    return transaction


def read_transaction(reader: Reader) -> Transaction:
    """The next transaction.

    Raises:
        Malformed: the bytes are not a transaction.
    """
    version = reader.number(4)
    count = reader.length()
    marked = count == 0
    if marked:
        if reader.number(1) != 1:
            raise Malformed("unknown transaction flag")
        count = reader.length()
    plain = [_read_input(reader) for _ in range(_possible(count, 41, reader))]
    outputs = [
        Output(reader.number(8), reader.text())
        for _ in range(_possible(reader.length(), 9, reader))
    ]
    inputs = [_with_witness(one, reader) for one in plain] if marked else plain
    if marked and not any(one.witness for one in inputs):
        raise Malformed("superfluous witness record")
    return Transaction(tuple(inputs), tuple(outputs), version, reader.number(4))


def _possible(count: int, least_size: int, reader: Reader) -> int:
    """The count, if that many elements fit into what is left."""
    if count * least_size > reader.left:
        raise Malformed("the data end too early")
    return count


def _read_input(reader: Reader) -> Input:
    outpoint = shown(reader.take(32)), reader.number(4)
    return Input(outpoint, reader.text(), reader.number(4))


def _with_witness(one: Input, reader: Reader) -> Input:
    items = tuple(reader.text() for _ in range(_possible(reader.length(), 1, reader)))
    return Input(one.outpoint, one.script, one.sequence, items)


def _input_bytes(one: Input) -> bytes:
    txid, index = one.outpoint
    return b"".join(
        (
            bytes.fromhex(txid)[::-1],
            index.to_bytes(4, "little"),
            text_bytes(one.script),
            one.sequence.to_bytes(4, "little"),
        )
    )


def _witness_bytes(items: tuple[bytes, ...]) -> bytes:
    return length_bytes(len(items)) + b"".join(text_bytes(item) for item in items)
