"""Parameters of RPC calls, checked with geth's codes and messages."""

import re
from typing import Any

from provider_sandbox.node_rpc.errors import RpcError

FAILED, INVALID, REVERTED = -32000, -32602, 3
_HASH, _ADDRESS = 32, 20
_LARGEST_NUMBER = 1 << 256


def invalid(place: int, problem: str) -> RpcError:
    """The error for a parameter."""
    return RpcError(INVALID, f"invalid argument {place}: {problem}")


def data(value: Any, place: int) -> bytes:
    """Bytes in hexadecimal with 0x.

    Raises:
        RpcError: it is something else.
    """
    if not isinstance(value, str):
        raise invalid(
            place, "json: cannot unmarshal non-string into Go value of type hexutil.Bytes"
        )
    if not value.startswith("0x"):
        raise invalid(place, "hex string without 0x prefix")
    if not re.fullmatch("([0-9a-fA-F]{2})*", value[2:]):
        raise invalid(place, "hex string of odd length" if len(value) % 2 else "invalid hex string")
    return bytes.fromhex(value[2:])


def sized(value: Any, place: int, size: int) -> bytes:
    """Bytes of this length.

    Raises:
        RpcError: it is something else.
    """
    found = data(value, place)
    if len(found) != size:
        raise invalid(place, f"hex string has length {2 * len(found)}, want {2 * size}")
    return found


def hash_of(value: Any, place: int) -> bytes:
    """A hash."""
    return sized(value, place, _HASH)


def address(value: Any, place: int) -> bytes:
    """An address."""
    return sized(value, place, _ADDRESS)


def number(value: Any, place: int) -> int:
    """A number in hexadecimal without leading zeros.

    Raises:
        RpcError: it is something else.
    """
    if not isinstance(value, str):
        raise invalid(
            place, "json: cannot unmarshal non-string into Go value of type hexutil.Uint64"
        )
    if not value.startswith("0x"):
        raise invalid(place, "hex string without 0x prefix")
    if not re.fullmatch("0|[1-9a-fA-F][0-9a-fA-F]{0,63}", value[2:]):
        raise invalid(place, "invalid hex number")
    return int(value, 0)


def shown(value: int) -> str:
    """A number as the RPC writes it."""
    return hex(value)


def bytes_shown(value: bytes) -> str:
    """Bytes as the RPC writes them."""
    return "0x" + bytes(value).hex()
