"""Transactions of ours: their unsigned bytes, and what is in them. Pure, no I/O; by libwally.

The id of a transaction that spends only SegWit outputs does not depend on its signatures (BIP 141),
so it is known, and stored, before anything is signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chain_watch.libwally import wally

REPLACEABLE = 0xFFFFFFFD
"""The sequence of every input: the transaction may be replaced (BIP 125)."""
VERSION = 2
_WITNESS = wally.WALLY_TX_FLAG_USE_WITNESS


class TransactionInvalid(Exception):
    """The bytes are not a transaction."""


@dataclass(frozen=True, slots=True)
class Spent:
    """An input."""

    txid: str
    vout: int
    sequence: int = REPLACEABLE


@dataclass(frozen=True, slots=True)
class Paid:
    """An output."""

    script: bytes
    satoshi: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a transaction spends and pays."""

    txid: str
    version: int
    lock_time: int
    inputs: Sequence[Spent]
    outputs: Sequence[Paid]


def build(inputs: Sequence[Spent], outputs: Sequence[Paid], *, lock_time: int) -> bytes:
    """The bytes of an unsigned transaction."""
    made = wally.tx_init(VERSION, lock_time, len(inputs), len(outputs))
    for one in inputs:
        txid = bytes.fromhex(one.txid)[::-1]
        wally.tx_add_raw_input(made, txid, one.vout, one.sequence, None, None, 0)
    for paid in outputs:
        wally.tx_add_raw_output(made, paid.satoshi, paid.script, 0)
    return bytes(wally.tx_to_bytes(made, 0))


def parse(raw: bytes) -> Transaction:
    """What is in a transaction's bytes, signed or not.

    Raises:
        TransactionInvalid: they are none.
    """
    try:
        made: Any = wally.tx_from_bytes(raw, _WITNESS)
    except ValueError:
        raise TransactionInvalid("not a transaction") from None
    inputs = [
        Spent(
            bytes(wally.tx_get_input_txhash(made, place))[::-1].hex(),
            wally.tx_get_input_index(made, place),
            wally.tx_get_input_sequence(made, place),
        )
        for place in range(wally.tx_get_num_inputs(made))
    ]
    outputs = [
        Paid(
            bytes(wally.tx_get_output_script(made, place)),
            wally.tx_get_output_satoshi(made, place),
        )
        for place in range(wally.tx_get_num_outputs(made))
    ]
    return Transaction(
        bytes(wally.tx_get_txid(made))[::-1].hex(),
        wally.tx_get_version(made),
        wally.tx_get_locktime(made),
        inputs,
        outputs,
    )
