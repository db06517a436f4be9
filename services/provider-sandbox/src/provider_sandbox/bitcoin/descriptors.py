"""Descriptors of `scantxoutset`: which scripts they stand for.

`addr(…)`, `raw(…)` and `wpkh(KEY)` are understood. A key is 33 bytes in hexadecimal or an extended
public key of the test networks with a path; the path may end in `*` and have one `<a;b>`. An
origin in brackets before the key is skipped. Sources: BIP 32, BIP 380, BIP 389.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any

from coincurve import PublicKey

from provider_sandbox.bitcoin.addresses import BadAddress, base58_payload, script_of
from provider_sandbox.bitcoin.parameters import INVALID, NOT_FOUND, expect, text, whole
from provider_sandbox.bitcoin.script_text import with_checksum
from provider_sandbox.bitcoin.serial import sha256
from provider_sandbox.node_rpc.errors import RpcError

_LAST_INDEX = 1000
"""The last index of a ranged descriptor without `range`."""
_MOST_INDEXES = 1_000_000
_EXTENDED = bytes.fromhex("043587cf")
_EXTENDED_SIZE = 78
_ORIGIN = re.compile(r"^\[[0-9a-f]{8}(/[0-9]+['h]?)*\]")
_BRANCHES = re.compile(r"<([0-9]+(?:;[0-9]+)+)>")


def scripts_of(item: Any) -> list[bytes]:
    """The scripts of a scan object: a descriptor, or an object with `desc` and `range`.

    Raises:
        RpcError: it is not a descriptor that the node understands.
    """
    detailed = isinstance(item, dict)
    given = text(item.get("desc") if detailed else item)
    first, last = _range(item.get("range") if detailed else None)
    bare, mark, _ = given.partition("#")
    try:
        if mark and with_checksum(bare) != given:
            raise RpcError(NOT_FOUND, f"Provided checksum does not match: {given!r}")
        return _scripts(bare, range(first, last + 1))
    except BadAddress as error:
        raise RpcError(NOT_FOUND, "Address is not valid") from error
    except ValueError as error:
        raise RpcError(NOT_FOUND, "Invalid descriptor") from error


def _range(value: Any) -> tuple[int, int]:
    """First and last index."""
    if value is None:
        return 0, _LAST_INDEX
    bounds = value if isinstance(value, list) else [0, value]
    if len(expect(bounds, "array")) != 2:
        raise RpcError(INVALID, "Range must have two elements")
    first, last = (whole(one) for one in bounds)
    if not 0 <= first <= last or last - first >= _MOST_INDEXES:
        raise RpcError(INVALID, "Range is invalid or too large")
    return first, last


def _scripts(descriptor: str, indexes: range) -> list[bytes]:
    name, _, content = descriptor.partition("(")
    content, end = content[:-1], content[-1:]
    if end == ")" and name == "addr":
        return [script_of(content)]
    if end == ")" and name == "raw":
        return [bytes.fromhex(content)]
    if end == ")" and name == "wpkh":
        return [b"\x00\x14" + hash160(key) for key in _keys(content, indexes)]
    raise RpcError(NOT_FOUND, f"'{name}' is not a valid descriptor function")


def _keys(expression: str, indexes: range) -> Iterable[bytes]:
    key, *path = _ORIGIN.sub("", expression).split("/")
    if re.fullmatch("0[23][0-9a-f]{64}", key):
        return [PublicKey(bytes.fromhex(key)).format()]
    payload = base58_payload(key)
    if len(payload) != _EXTENDED_SIZE or payload[:4] != _EXTENDED:
        raise ValueError("not an extended public key of a test network")
    start = PublicKey(payload[45:]), payload[13:45]
    return [_derived(start, one).format() for one in _paths(path, indexes)]


def _paths(path: list[str], indexes: range) -> list[list[int]]:
    """Every path that a path with branches and a star stands for."""
    joined = "/".join(path)
    branches = _BRANCHES.search(joined)
    choices = branches[1].split(";") if branches else [""]
    single = [_BRANCHES.sub(choice, joined, count=1).split("/") for choice in choices]
    if not path:
        return [[]]
    if path[-1] != "*":
        return [[_index(step) for step in steps] for steps in single]
    return [[*map(_index, steps[:-1]), index] for steps in single for index in indexes]


def _index(step: str) -> int:
    """A step of a path; hardened ones need the private key."""
    number = int(step) if re.fullmatch("[0-9]+", step) else -1
    if not 0 <= number < 1 << 31:
        raise ValueError("not a step of a public path")
    return number


def _derived(start: tuple[PublicKey, bytes], path: list[int]) -> PublicKey:
    """The public key at a path below an extended public key."""
    key, chain_code = start
    for index in path:
        data = key.format() + index.to_bytes(4)
        digest = hmac.digest(chain_code, data, "sha512")
        key, chain_code = key.add(digest[:32]), digest[32:]
    return key


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256."""
    return hashlib.new("ripemd160", sha256(data)).digest()
