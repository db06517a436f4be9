"""Blocks, transactions, receipts and logs with geth's field names."""

from typing import Any

import rlp
from eth.abc import SignedTransactionAPI

from provider_sandbox.ethereum.chain import Entry, Place
from provider_sandbox.ethereum.evm import base_fee_of
from provider_sandbox.ethereum.outside import effective_price
from provider_sandbox.ethereum.parameters import bytes_shown, shown

_BLOOM, _WORD = 256, 32


def block_view(entry: Entry, *, full: bool) -> dict[str, Any]:
    """A block; `full`: with transactions instead of their hashes."""
    header: Any = entry.header  # the library types the fields of old forks only
    hashes = {
        "hash": entry.hash,
        "parentHash": header.parent_hash,
        "sha3Uncles": header.uncles_hash,
        "stateRoot": header.state_root,
        "transactionsRoot": header.transaction_root,
        "receiptsRoot": header.receipt_root,
        "mixHash": header.mix_hash,
        "nonce": header.nonce,
        "extraData": header.extra_data,
        "miner": header.coinbase,
        "withdrawalsRoot": header.withdrawals_root,
        "parentBeaconBlockRoot": header.parent_beacon_block_root,
        "requestsHash": header.requests_hash,
        "logsBloom": int(header.bloom).to_bytes(_BLOOM),
    }
    numbers = {
        "number": header.block_number,
        "timestamp": header.timestamp,
        "gasLimit": header.gas_limit,
        "gasUsed": header.gas_used,
        "baseFeePerGas": base_fee_of(header),
        "difficulty": header.difficulty,
        "blobGasUsed": header.blob_gas_used,
        "excessBlobGas": header.excess_blob_gas,
        "size": _size(entry),
    }
    places = [Place(entry, index) for index in range(len(entry.executed))]
    return {
        **{name: bytes_shown(value) for name, value in hashes.items()},
        **{name: shown(int(value)) for name, value in numbers.items()},
        "transactions": [
            transaction_view(one.executed.transaction, one)
            if full
            else bytes_shown(one.executed.transaction.hash)
            for one in places
        ],
        "uncles": [],
        "withdrawals": [],
    }


def _size(entry: Entry) -> int:
    """The bytes of a block; typed transactions are byte strings in it, legacy ones lists."""
    transactions = [
        one.transaction.encode()
        if one.transaction.type_id is not None
        else rlp.decode(one.transaction.encode())
        for one in entry.executed
    ]
    header = rlp.decode(rlp.encode(entry.header))
    return len(rlp.encode([header, transactions, [], []]))


def transaction_view(one: SignedTransactionAPI, place: Place | None) -> dict[str, Any]:
    """A transaction; without a place it waits for a block."""
    view: dict[str, Any] = {
        "type": shown(one.type_id or 0),
        "hash": bytes_shown(one.hash),
        "from": _lower(one.sender),
        "to": _lower(one.to) if one.to else None,
        "nonce": shown(one.nonce),
        "gas": shown(one.gas),
        "value": shown(one.value),
        "input": bytes_shown(one.data),
        "chainId": shown(one.chain_id) if one.chain_id is not None else None,
        "r": shown(one.r),
        "s": shown(one.s),
        **_signature_and_price(one, place),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
    }
    if place:
        view |= {
            "blockHash": bytes_shown(place.entry.hash),
            "blockNumber": shown(place.entry.number),
            "transactionIndex": shown(place.index),
        }
    return view


def _signature_and_price(one: Any, place: Place | None) -> dict[str, Any]:
    if one.type_id is None:
        return {"v": shown(one.v), "gasPrice": shown(one.gas_price)}
    view: dict[str, Any] = {
        "v": shown(one.y_parity),
        "yParity": shown(one.y_parity),
        "accessList": [
            {
                "address": _lower(address),
                "storageKeys": [bytes_shown(int(key).to_bytes(_WORD)) for key in keys],
            }
            for address, keys in one.access_list
        ],
    }
    if one.type_id == 1:
        return {**view, "gasPrice": shown(one.gas_price)}
    price = effective_price(place.executed, place.entry) if place else one.max_fee_per_gas
    return {
        **view,
        "gasPrice": shown(price),
        "maxFeePerGas": shown(one.max_fee_per_gas),
        "maxPriorityFeePerGas": shown(one.max_priority_fee_per_gas),
    }


def receipt_view(place: Place) -> dict[str, Any]:
    """What a transaction did."""
    done = place.executed
    one = done.transaction
    created = bytes(done.computation.msg.storage_address) if not one.to else None
    return {
        "type": shown(one.type_id or 0),
        "status": "0x0" if done.computation.is_error else "0x1",
        "transactionHash": bytes_shown(one.hash),
        "transactionIndex": shown(place.index),
        "blockHash": bytes_shown(place.entry.hash),
        "blockNumber": shown(place.entry.number),
        "from": _lower(one.sender),
        "to": _lower(one.to) if one.to else None,
        "contractAddress": _lower(created) if created else None,
        "gasUsed": shown(done.gas_used),
        "cumulativeGasUsed": shown(done.receipt.gas_used),
        "effectiveGasPrice": shown(effective_price(done, place.entry)),
        "logs": log_views(place),
        "logsBloom": bytes_shown(int(done.receipt.bloom).to_bytes(_BLOOM)),
    }


def log_views(place: Place) -> list[dict[str, Any]]:
    """The logs of a transaction."""
    before = place.entry.executed[: place.index]
    first = sum(len(one.receipt.logs) for one in before)
    return [
        {
            "address": _lower(log.address),
            "topics": [bytes_shown(int(topic).to_bytes(_WORD)) for topic in log.topics],
            "data": bytes_shown(log.data),
            "blockHash": bytes_shown(place.entry.hash),
            "blockNumber": shown(place.entry.number),
            "blockTimestamp": shown(place.entry.header.timestamp),
            "transactionHash": bytes_shown(place.executed.transaction.hash),
            "transactionIndex": shown(place.index),
            "logIndex": shown(first + number),
            "removed": False,
        }
        for number, log in enumerate(place.executed.receipt.logs)
    ]


def _lower(address: bytes) -> str:
    """An address as geth writes it, in lower case."""
    return bytes_shown(address)
