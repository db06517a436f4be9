"""Sizes and fees of transactions, in integers. Pure, no I/O.

A fee rate is an integer: satoshi for 1000 virtual bytes. Source: BIP 141 for weights.
"""

from collections.abc import Sequence

WEIGHT_PER_VBYTE = 4
INPUT_WEIGHT = 272
"""An input that spends a P2WPKH output: 41 bytes, a witness of at most 108 (signatures have a low
R, so 71 bytes with the type)."""
_FRAME_WEIGHT = 42
"""Version, lock time, marker and flag, and two counts of one byte."""
_OUTPUT_BYTES = 9
"""Amount, and the length of the script."""
INPUTS_MAX = 100
"""A count of inputs is one byte up to 252, and a node relays at most 100,000 virtual bytes."""
DUST_SATOSHI = 294
"""Nodes do not relay a smaller P2WPKH output (at 3 satoshi per virtual byte)."""
P2WPKH_BYTES = 22


def output_weight(script_bytes: int) -> int:
    """The weight of an output whose script has so many bytes (at most 252)."""
    return WEIGHT_PER_VBYTE * (_OUTPUT_BYTES + script_bytes)


def weight_of(inputs: int, script_bytes: Sequence[int]) -> int:
    """The weight of a signed transaction: its inputs, and the sizes of its outputs' scripts."""
    outputs = sum(output_weight(size) for size in script_bytes)
    return _FRAME_WEIGHT + inputs * INPUT_WEIGHT + outputs


def vbytes_of(weight: int) -> int:
    """Virtual bytes, rounded up."""
    return -(-weight // WEIGHT_PER_VBYTE)


def fee_at(rate: int, weight: int) -> int:
    """The fee in satoshi at a rate, rounded up."""
    return -(-rate * vbytes_of(weight) // 1000)
