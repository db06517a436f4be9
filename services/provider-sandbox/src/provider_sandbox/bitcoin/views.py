"""Blocks and transactions with Bitcoin Core's field names."""

from typing import Any

from provider_sandbox.bitcoin.block import target_of
from provider_sandbox.bitcoin.chain import Coin, Entry
from provider_sandbox.bitcoin.parameters import coins
from provider_sandbox.bitcoin.script_text import assembler, describe_script
from provider_sandbox.bitcoin.transaction import Input, Outpoint, Transaction
from provider_sandbox.bitcoin.visible import Visible

_EASIEST = 0xFFFF << 208
"""The target of difficulty 1."""


def difficulty(bits: int) -> float:
    """How many times harder than the easiest block of the main chain."""
    return _EASIEST / target_of(bits)


def header_view(seen: Visible, entry: Entry) -> dict[str, Any]:
    """`getblockheader`; `confirmations` is -1 if the block is not in the active chain."""
    block = entry.block
    view = {
        "hash": block.hash,
        "confirmations": seen.confirmations(entry),
        "height": entry.height,
        "version": block.version,
        "versionHex": f"{block.version:08x}",
        "merkleroot": block.merkle_root,
        "time": block.time,
        "mediantime": seen.chain.median_time(entry),
        "nonce": block.nonce,
        "bits": f"{block.bits:08x}",
        "target": f"{target_of(block.bits):064x}",
        "difficulty": difficulty(block.bits),
        "chainwork": f"{entry.work:064x}",
        "nTx": len(block.transactions),
    }
    if entry.height:
        view["previousblockhash"] = block.previous
    if following := seen.next_hash(entry):
        view["nextblockhash"] = following
    return view


def block_view(seen: Visible, entry: Entry, verbosity: int) -> dict[str, Any]:
    """`getblock` with verbosity 1 (ids), 2 (transactions) or 3 (and the spent outputs)."""
    block = entry.block
    sizes = {
        "strippedsize": block.stripped_size,
        "size": len(block.raw),
        "weight": block.weight,
    }
    contents: list[Any] = [one.id for one in block.transactions]
    if verbosity > 1:
        contents = [
            {**transaction_view(one, entry.spent, prevouts=verbosity > 2), "hex": one.raw().hex()}
            for one in block.transactions
        ]
    return {**header_view(seen, entry), **sizes, "tx": contents}


def transaction_view(
    one: Transaction, spent: dict[Outpoint, Coin] | None = None, *, prevouts: bool = False
) -> dict[str, Any]:
    """A decoded transaction.

    Args:
        one: the transaction.
        spent: the outputs that it spends; with all of them the fee is shown.
        prevouts: whether to show them at the inputs.
    """
    spent = spent or {}
    view: dict[str, Any] = {
        "txid": one.id,
        "hash": one.witness_id,
        "version": one.version,
        "size": one.size,
        "vsize": one.virtual_size,
        "weight": one.weight,
        "locktime": one.lock_time,
        "vin": [_input_view(i, spent.get(i.outpoint) if prevouts else None) for i in one.inputs],
        "vout": [
            {"value": coins(o.value), "n": n, "scriptPubKey": describe_script(o.script)}
            for n, o in enumerate(one.outputs)
        ],
    }
    known = [spent[i.outpoint] for i in one.inputs if i.outpoint in spent]
    if len(known) == len(one.inputs):
        incoming = sum(coin.output.value for coin in known)
        view["fee"] = coins(incoming - sum(o.value for o in one.outputs))
    return view


def _input_view(one: Input, coin: Coin | None) -> dict[str, Any]:
    txid, index = one.outpoint
    witness = {"txinwitness": [item.hex() for item in one.witness]} if one.witness else {}
    if index == 0xFFFFFFFF and not int(txid, 16):
        return {"coinbase": one.script.hex(), **witness, "sequence": one.sequence}
    view: dict[str, Any] = {
        "txid": txid,
        "vout": index,
        "scriptSig": {"asm": assembler(one.script), "hex": one.script.hex()},
        **witness,
    }
    if coin:
        view["prevout"] = {
            "generated": coin.coinbase,
            "height": coin.height,
            "value": coins(coin.output.value),
            "scriptPubKey": describe_script(coin.output.script),
        }
    return {**view, "sequence": one.sequence}
