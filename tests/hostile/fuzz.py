"""Fuzzing of every reader: `python -m tests.hostile.fuzz --seconds 60 [--only NAME] [--seed N]`.

Inputs are true samples, changed; a failing one is printed with its seed and kept in `corpus/`,
whose files are tried first, here and in `make test`.
"""

import argparse
import hashlib
import sys
import time
import traceback
from collections.abc import Iterator
from random import Random

from tests.hostile.mutations import RAW
from tests.hostile.targets import CORPUS, TARGETS, Target

TOKENS: tuple[bytes, ...] = (
    *(raw for raw in RAW if len(raw) < 100),
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b'"',
    b",",
    b"=",
    b";",
    b"\r\n",
    b"-",
    b"+",
    b"1e999999",
    b"9" * 40,
    "\u0661\u0662".encode(),
    "\u202e".encode(),
    b"A" * 500,
    b"[" * 500,
)
EDITS_MAX = 6


def mutated(sample: bytes, random: Random) -> bytes:
    """The sample with a few edits: bytes flipped, cut, doubled, swapped, or hostile ones put in."""
    data = bytearray(sample)
    for _ in range(random.randint(1, EDITS_MAX)):
        start = random.randint(0, len(data))
        end = min(len(data), start + random.choice((1, 1, 2, 4, 16, 64)))
        match random.randrange(6):
            case 0 if start < len(data):
                data[start] = random.randrange(256)
            case 1:
                del data[start:end]
            case 2:
                data[start:end] = data[start:end] * 2
            case 3:
                data[start:end] = random.choice(TOKENS)
            case 4:
                data[start:start] = random.choice(TOKENS)
            case 5:
                del data[start:]
    return bytes(data)


def corpus(name: str) -> list[bytes]:
    """What has once been found for a target."""
    return [path.read_bytes() for path in sorted((CORPUS / name.replace(" ", "-")).glob("*"))]


def inputs(name: str, target: Target, random: Random) -> Iterator[bytes]:
    """Known ones first, then new ones without end."""
    known = [*corpus(name), *target.samples, *RAW]
    yield from known
    while True:
        yield mutated(random.choice(known[: -len(RAW)] or known), random)


def run(name: str, *, seed: int, seconds: float) -> tuple[int, int]:
    """Tries a target for a while; how many inputs, and how many failed."""
    target, random = TARGETS[name], Random(f"{seed}:{name}")
    ends, tried, failed = time.monotonic() + seconds, 0, 0
    for data in inputs(name, target, random):
        tried += 1
        try:
            target.holds_for(data)
        except Exception:  # noqa: BLE001  any is what we look for
            failed += 1
            print(f"{name}: seed {seed}, input {tried}: {data[:300]!r}\n{traceback.format_exc()}")
            _keep(name, data)
            break
        if time.monotonic() >= ends:
            break
    return tried, failed


def _keep(name: str, data: bytes) -> None:
    folder = CORPUS / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main(arguments: list[str]) -> int:
    """Fuzzes; 1 when anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--only", choices=sorted(TARGETS), help="one target")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    options = parser.parse_args(arguments)
    names = [options.only] if options.only else list(TARGETS)
    total = 0
    for name in names:
        tried, failed = run(name, seed=options.seed, seconds=options.seconds / len(names))
        print(f"{name}: {tried} inputs, {failed} failures")
        total += failed
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
