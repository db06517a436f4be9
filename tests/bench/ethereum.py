"""A block of Ethereum as a node answers with it, and what the watcher does with the answers."""

import json
import random
from collections.abc import Container
from typing import Any

from pydantic import TypeAdapter

from chain_watch.rpc import read_answer
from ethereum_watcher.scanner import check_header, concerned
from ethereum_watcher.token_transfers import TOPIC, concerned_logs
from ethereum_watcher.wire import BLOOM_BYTES, Block, Log

TRANSACTIONS, TOKEN_LOGS = 400, 300
"""Of a busy block of the main network: most transactions call contracts."""
CALL_BYTES = (0, 68, 68, 260, 1_200)
"""Lengths of what transactions send to contracts; 68: a transfer of a token."""
TOKENS = (bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"), bytes(19) + b"\x02")
HEIGHT, ABOVE = 20_000_000, "0x" + "ab" * 32
_BLOCK, _LOGS = TypeAdapter(Block), TypeAdapter(list[Log])


def answers(seed: int = 15) -> tuple[bytes, bytes]:
    """A node's answers: a block with its transactions, and its logs of tokens; for nobody."""
    draw = random.Random(seed)
    name = _hex(draw, 32)
    transactions = [_transaction(draw, name, place) for place in range(TRANSACTIONS)]
    logs = [_log(draw, name, transactions, number) for number in range(TOKEN_LOGS)]
    block = {
        "hash": name,
        "number": hex(HEIGHT),
        "parentHash": ABOVE,
        "logsBloom": _hex(draw, BLOOM_BYTES),
        "transactions": transactions,
        "withdrawals": [
            {"index": hex(n), "validatorIndex": hex(n), "address": _hex(draw, 20), "amount": "0x1"}
            for n in range(16)
        ],
    }
    return _answer(block), _answer(logs)


def search(told: tuple[bytes, bytes], accounts: Container[bytes]) -> tuple[list[Any], list[Any]]:
    """What the watcher does with the answers: decode, check, look for our addresses."""
    block = _BLOCK.validate_python(_result(told[0]))
    check_header(block, block.hash, height=HEIGHT, prev_hash=ABOVE)
    logs = _LOGS.validate_python(_result(told[1]))
    tokens = dict.fromkeys(TOKENS, "USDC")
    return concerned(block, accounts), concerned_logs(block, logs, tokens, accounts)


def _transaction(draw: random.Random, block: str, place: int) -> dict[str, Any]:
    return {
        "hash": _hex(draw, 32),
        "blockHash": block,
        "blockNumber": hex(HEIGHT),
        "transactionIndex": hex(place),
        "from": _hex(draw, 20),
        "to": _hex(draw, 20),
        "nonce": hex(draw.getrandbits(16)),
        "value": hex(draw.getrandbits(60)),
        "gas": hex(200_000),
        "gasPrice": hex(10**10),
        "maxFeePerGas": hex(2 * 10**10),
        "maxPriorityFeePerGas": hex(10**9),
        "input": _hex(draw, draw.choice(CALL_BYTES)),
        "type": "0x2",
        "accessList": [],
        "chainId": "0x1",
        "v": "0x1",
        "r": _hex(draw, 32),
        "s": _hex(draw, 32),
    }


def _log(
    draw: random.Random, block: str, transactions: list[dict[str, Any]], number: int
) -> dict[str, Any]:
    transaction = draw.choice(transactions)
    return {
        "address": "0x" + draw.choice(TOKENS).hex(),
        "topics": [TOPIC, *("0x" + "00" * 12 + _hex(draw, 20)[2:] for _ in range(2))],
        "data": "0x" + draw.getrandbits(60).to_bytes(32).hex(),
        "blockHash": block,
        "blockNumber": hex(HEIGHT),
        "transactionHash": transaction["hash"],
        "transactionIndex": transaction["transactionIndex"],
        "logIndex": hex(number),
        "removed": False,
    }


def _hex(draw: random.Random, count: int) -> str:
    return "0x" + draw.randbytes(count).hex()


def _answer(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()


def _result(answer: bytes) -> Any:
    found = read_answer(answer)
    assert found is not None
    return found["result"]
