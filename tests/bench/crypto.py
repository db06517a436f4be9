"""Measure what watching a chain costs: `make bench-crypto` writes bench/crypto.json.

A block of 3,500 transactions is searched for growing sets of scripts, as the watcher does it:
header, proof of work, one pass; and once more with a hit, when the Merkle root is computed, too. A
catch-up also decodes the node's answer. A block of Ethereum is decoded and searched with its logs
of tokens (`ethereum.py`). The database and the nodes' own time are not included. It measures the
time of the CPU, so other work on the machine hardly changes it.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bitcoin_watcher.blocks import check_work, read_header
from bitcoin_watcher.watcher import checked_hits
from chain_watch.rpc import read_answer
from tests.bench import ethereum
from tests.bench.report import machine
from tests.support.bitcoin_chain import Tx, block

TRANSACTIONS = 3_500
SIZES = (1_000, 1_000_000, 5_000_000)
TIMES = 15
REPORT = Path("bench/crypto.json")


def script(number: int) -> bytes:
    """The P2WPKH script with this number."""
    return b"\x00\x14" + number.to_bytes(20, "big")


def full_block(seed: int = 15) -> tuple[str, bytes]:
    """A block with inputs and outputs in the numbers of the main network, for nobody."""
    draw = random.Random(seed)
    txs = [
        Tx(
            *((script(2**60 + draw.getrandbits(50)), 10_000) for _ in range(draw.randint(1, 4))),
            inputs=draw.choice((1, 1, 1, 2, 3)),
        )
        for _ in range(TRANSACTIONS - 1)
    ]
    return block("00" * 32, txs)


def ms_of(work: Callable[[], Any]) -> float:
    """The median of several runs, in milliseconds of the CPU."""
    took = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        took.append((time.process_time() - began) * 1000)
    return round(median(took), 2)


def search(raw: bytes, scripts: set[bytes]) -> list[Any]:
    """What the watcher does with a block's bytes."""
    header = read_header(raw)
    check_work(header, "regtest")
    return checked_hits(header, raw, scripts)


def measure() -> dict[str, Any]:
    """Every figure."""
    _, raw = full_block()
    answer = json.dumps({"result": raw.hex(), "error": None, "id": 1}).encode()
    report: dict[str, Any] = {"machine": machine(), "block_bytes": len(raw)}
    process, scripts = psutil.Process(), set[bytes]()
    empty = process.memory_info().rss
    for size in SIZES:
        scripts.update(map(script, range(len(scripts), size)))
        name = f"{size // 1_000_000}m" if size >= 1_000_000 else f"{size // 1_000}k"
        report[f"btc_block_ms_{name}_scripts"] = ms_of(lambda: search(raw, scripts))
    report["bytes_per_script"] = round((process.memory_info().rss - empty) / len(scripts), 1)
    own = next(iter(_outputs_of(raw)))
    report["btc_block_with_a_hit_ms"] = ms_of(lambda: search(raw, {own}))
    caught_up = ms_of(lambda: search(bytes.fromhex(_result(answer)), scripts))
    report["btc_catch_up_blocks_per_s"] = round(1000 / caught_up, 1)
    return report | _of_ethereum({one[2:] for one in scripts})


def _of_ethereum(accounts: set[bytes]) -> dict[str, Any]:
    """The figures of a block of Ethereum, for so many addresses of ours."""
    answers, few = ethereum.answers(), set(islice(accounts, SIZES[0]))
    took = ms_of(lambda: ethereum.search(answers, accounts))
    return {
        "eth_block_bytes": sum(map(len, answers)),
        "eth_block_ms": took,
        "eth_block_ms_1k_addresses": ms_of(lambda: ethereum.search(answers, few)),
        "eth_catch_up_blocks_per_s": round(1000 / took, 1),
    }


def _outputs_of(raw: bytes) -> list[bytes]:
    """A script that the block pays."""
    at = raw.index(b"\x16\x00\x14\x00", 200)
    return [raw[at + 1 : at + 23]]


def _result(answer: bytes) -> str:
    found = read_answer(answer)
    assert found is not None
    return str(found["result"])


def main() -> int:
    """Measure, print, and write the report."""
    report = measure()
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    sys.stdout.write(REPORT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
