"""The scanner finds exactly the outputs that pay watched scripts, in any bytes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitcoin_watcher.blocks import BlockInvalid
from bitcoin_watcher.scanner import Hit, scan_block, scan_transaction, txids_of
from tests.support.bitcoin_chain import FOREIGN, Tx, block, double_sha

OURS = b"\x00\x14" + b"\x01" * 20
OTHER = b"\x51\x20" + b"\x02" * 32
LONG = b"\x6a\x4d\x00\x02" + b"\x03" * 512
"""A script whose length has three bytes."""

scripts = st.sampled_from([OURS, OTHER, FOREIGN, LONG, b""])
outputs = st.lists(st.tuples(scripts, st.integers(0, 21 * 10**14)), min_size=1, max_size=6)
payments = st.builds(
    lambda outs, segwit, inputs: Tx(*outs, segwit=segwit, inputs=inputs),
    outputs,
    st.booleans(),
    st.integers(1, 4),
)


@given(st.lists(payments, max_size=8))
def test_every_hit_and_nothing_else_is_found(txs: list[Tx]) -> None:
    watched = {OURS, OTHER}
    _, raw = block("00" * 32, txs)
    found = [(hit.txid, hit.vout, hit.script, hit.satoshi) for hit in scan_block(raw, watched)]
    expected = []
    for tx in txs:
        _, hits = scan_transaction(tx.raw, watched)
        expected += [(tx.txid, hit.vout, hit.script, hit.satoshi) for hit in hits]
    assert found == expected
    assert [digest[::-1].hex() for digest in txids_of(raw)][1:] == [tx.txid for tx in txs]


def test_the_id_leaves_out_the_witness() -> None:
    plain, segwit = Tx((OURS, 7), segwit=False, salt=9), Tx((OURS, 7), segwit=True, salt=9)
    assert plain.raw != segwit.raw
    assert scan_transaction(plain.raw, {OURS}) == scan_transaction(segwit.raw, {OURS})


def test_the_reward_is_marked() -> None:
    _, raw = block("00" * 32, [Tx((FOREIGN, 5))])
    first, second = scan_block(raw, {FOREIGN})
    assert (first.is_coinbase, second.is_coinbase) == (True, False)


def test_an_amount_above_all_bitcoin_is_refused() -> None:
    tx = Tx((OURS, 21 * 10**14 + 1))
    with pytest.raises(BlockInvalid):
        scan_transaction(tx.raw, {OURS})


@given(st.data())
def test_cut_or_longer_bytes_are_refused(data: st.DataObject) -> None:
    _, raw = block("00" * 32, [Tx((OURS, 5), (LONG, 6)), Tx((OTHER, 5), segwit=False)])
    cut = data.draw(st.integers(0, len(raw) - 1))
    for wrong in (raw[:cut], raw + b"\0", raw + raw):
        with pytest.raises(BlockInvalid):
            scan_block(wrong, {OURS})


@given(st.binary(max_size=400), st.integers(0, 2**31))
def test_garbage_never_raises_anything_else(garbage: bytes, seed: int) -> None:
    _, raw = block("00" * 32, [Tx((OURS, 5))])
    changed = bytearray(raw)
    draw = random.Random(seed)
    for _ in range(3):
        changed[draw.randrange(80, len(changed))] = draw.randrange(256)
    for wrong in (garbage, bytes(changed), raw[:80] + garbage):
        try:
            scan_block(wrong, {OURS})
        except BlockInvalid:
            continue


def count(number: int, width: int = 1) -> bytes:
    """A variable-length integer in 1, 3, 5 or 9 bytes."""
    if width == 1:
        return bytes([number])
    return {3: b"\xfd", 5: b"\xfe", 9: b"\xff"}[width] + number.to_bytes(width - 1, "little")


@pytest.mark.parametrize("is_segwit", [False, True])
@pytest.mark.parametrize(
    ("size", "width"), [(0, 1), (252, 1), (253, 3), (254, 3), (255, 3), (300, 5), (300, 9)]
)
def test_each_length_is_read_in_each_width(size: int, width: int, is_segwit: bool) -> None:
    """Of the script of an input, of an output's script, and of an item of a witness."""
    filled = count(size, width) + b"\x01" * size
    outpoint = b"\x01" * 36  # its first byte is also the second of the mark of a witness
    body = b"\x01" + outpoint + filled + b"\xff" * 4
    body += b"\x02" + bytes(8) + filled + (7).to_bytes(8, "little") + b"\x16" + OURS
    mark, witness = (b"\0\x01", b"\x02" + filled + b"\x01k") if is_segwit else (b"", b"")
    txid = double_sha(b"\x02\0\0\0" + body + b"\x09\0\0\0")[::-1].hex()
    raw = b"\x02\0\0\0" + mark + body + witness + b"\x09\0\0\0"
    assert scan_transaction(raw, {OURS}) == (txid, [Hit(txid, 1, OURS, 7, False)])


def test_a_transaction_without_inputs_has_no_witness() -> None:
    raw = b"\x02\0\0\0" + b"\0\x02" + (bytes(8) + b"\0") * 2 + bytes(4)
    assert scan_transaction(raw, ()) == (double_sha(raw)[::-1].hex(), [])


def test_all_bitcoin_may_be_paid_at_once() -> None:
    _, (hit,) = scan_transaction(Tx((OURS, 21 * 10**14)).raw, {OURS})
    assert hit.satoshi == 21 * 10**14


def test_a_header_alone_is_no_block() -> None:
    _, raw = block("00" * 32, [])
    with pytest.raises(BlockInvalid, match="no transactions"):
        scan_block(raw[:80], {OURS})
