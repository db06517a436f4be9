"""Find the outputs that pay watched scripts in the bytes of a block or transaction. Pure, no I/O.

A block is read in one pass; a transaction's id is computed only if one of its outputs is a hit.
Amounts are the integers of the bytes, never numbers of JSON.
Source: BIP 144 for the form of transactions.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass

from bitcoin_watcher.blocks import HEADER_BYTES, BlockInvalid, double_sha, hex_of

SATOSHI_MAX = 21_000_000 * 10**8
_OUTPOINT_BYTES, _SEQUENCE_BYTES, _VALUE_BYTES, _LOCKTIME_BYTES = 36, 4, 8, 4
_WIDTHS = {0xFD: 2, 0xFE: 4, 0xFF: 8}
_WIDE = 0xFD


@dataclass(frozen=True, slots=True)
class Hit:
    """An output that pays a watched script."""

    txid: str
    vout: int
    script: bytes
    satoshi: int
    is_coinbase: bool
    """True for the reward of a block, which can be spent after 100 blocks."""


@dataclass(frozen=True, slots=True)
class _Transaction:
    start: int
    is_segwit: bool
    outputs_end: int
    end: int
    found: list[tuple[int, int, bytes]]
    """Index, satoshi and script of each output that is a hit."""

    def txid(self, raw: bytes) -> bytes:
        """The digest without the witness."""
        if not self.is_segwit:
            return double_sha(raw[self.start : self.end])
        body = raw[self.start + 6 : self.outputs_end]
        locktime = raw[self.end - _LOCKTIME_BYTES : self.end]
        return double_sha(raw[self.start : self.start + 4] + body + locktime)


def scan_block(raw: bytes, scripts: Container[bytes]) -> list[Hit]:
    """The outputs of a block that pay one of the scripts, in the block's order.

    Raises:
        BlockInvalid: the bytes are not a whole block, or have more after it.
    """
    hits: list[Hit] = []
    for place, one in enumerate(_of_block(raw, scripts)):
        if one.found:
            hits += _hits(raw, one, is_coinbase=place == 0)
    return hits


def txids_of(raw: bytes) -> list[bytes]:
    """The digests of a block's transactions, in order.

    Raises:
        BlockInvalid: as `scan_block`.
    """
    return [one.txid(raw) for one in _of_block(raw, ())]


def scan_transaction(raw: bytes, scripts: Container[bytes]) -> tuple[str, list[Hit]]:
    """The id of a single transaction, and its outputs that pay one of the scripts.

    Raises:
        BlockInvalid: the bytes are not a whole transaction, or have more after it.
    """
    (one,) = _whole(raw, 0, 1, scripts)
    return hex_of(one.txid(raw)), _hits(raw, one, is_coinbase=False) if one.found else []


def _hits(raw: bytes, one: _Transaction, *, is_coinbase: bool) -> list[Hit]:
    txid = hex_of(one.txid(raw))
    return [Hit(txid, vout, script, satoshi, is_coinbase) for vout, satoshi, script in one.found]


def _of_block(raw: bytes, scripts: Container[bytes]) -> Iterator[_Transaction]:
    if len(raw) <= HEADER_BYTES:
        raise BlockInvalid("no transactions")
    count, start = _length(raw, HEADER_BYTES)
    return _whole(raw, start, count, scripts)


def _whole(raw: bytes, at: int, count: int, scripts: Container[bytes]) -> Iterator[_Transaction]:
    """So many transactions from a place on, which must end where the bytes end."""
    try:
        for _ in range(count):
            one = _read(raw, at, scripts)
            at = one.end
            yield one
    except IndexError:
        raise BlockInvalid("a transaction is cut off") from None
    if at != len(raw):
        raise BlockInvalid("the bytes do not end with the last transaction")


def _read(raw: bytes, start: int, scripts: Container[bytes]) -> _Transaction:
    """The transaction at a place; raises IndexError beyond the end."""
    at = start + 4
    is_segwit = raw[at] == 0 and raw[at + 1] == 1
    inputs, at = _length(raw, at + 2 if is_segwit else at)
    outputs, at = _length(raw, _after_inputs(raw, at, inputs))
    found, outputs_end = _outputs(raw, at, outputs, scripts)
    at = _after_witness(raw, outputs_end, inputs) if is_segwit else outputs_end
    return _Transaction(start, is_segwit, outputs_end, at + _LOCKTIME_BYTES, found)


# Most lengths are one byte: the loops below read it without a call, which halves their time.


def _after_inputs(raw: bytes, at: int, inputs: int) -> int:
    for _ in range(inputs):
        at += _OUTPOINT_BYTES
        size = raw[at]
        if size < _WIDE:
            at += 1 + size + _SEQUENCE_BYTES
        else:
            size, at = _length(raw, at)
            at += size + _SEQUENCE_BYTES
    return at


def _outputs(
    raw: bytes, at: int, outputs: int, scripts: Container[bytes]
) -> tuple[list[tuple[int, int, bytes]], int]:
    """Index, satoshi and script of each hit, and the place after the outputs."""
    found: list[tuple[int, int, bytes]] = []
    for vout in range(outputs):
        value, at = at, at + _VALUE_BYTES
        size = raw[at]
        if size < _WIDE:
            at += 1
        else:
            size, at = _length(raw, at)
        script = raw[at : at + size]
        at += size
        if script in scripts:
            found.append((vout, _satoshi(raw, value), script))
    return found, at


def _after_witness(raw: bytes, at: int, inputs: int) -> int:
    for _ in range(inputs):
        items, at = _length(raw, at)
        for _ in range(items):
            size = raw[at]
            if size < _WIDE:
                at += 1 + size
            else:
                size, at = _length(raw, at)
                at += size
    return at


def _satoshi(raw: bytes, at: int) -> int:
    satoshi = int.from_bytes(raw[at : at + _VALUE_BYTES], "little")
    if satoshi > SATOSHI_MAX:
        raise BlockInvalid("more than all bitcoin")
    return satoshi


def _length(raw: bytes, at: int) -> tuple[int, int]:
    """The variable-length integer at a place, and the place after it."""
    first = raw[at]
    if first < _WIDE:
        return first, at + 1
    end = at + 1 + _WIDTHS[first]
    return int.from_bytes(raw[at + 1 : end], "little"), end
