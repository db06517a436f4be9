"""Parameters of RPC calls, checked with Bitcoin Core's codes and messages."""

import re
from decimal import Decimal
from typing import Any

from provider_sandbox.bitcoin.policy import COIN
from provider_sandbox.bitcoin.serial import Malformed
from provider_sandbox.bitcoin.transaction import Transaction, parse_transaction
from provider_sandbox.node_rpc.errors import RpcError

MISC, TYPE, NOT_FOUND, INVALID = -1, -3, -5, -8
DECODING = -22
_HASH = 64
_NAMES = {bool: "bool", str: "string", list: "array", dict: "object", type(None): "null"}


def _kind(value: Any) -> str:
    return _NAMES.get(type(value), "number")


def expect(value: Any, wanted: str) -> Any:
    """The value, if it is of this JSON type.

    Raises:
        RpcError: it is not.
    """
    if _kind(value) != wanted:
        raise RpcError(TYPE, f"JSON value of type {_kind(value)} is not of expected type {wanted}")
    return value


def text(value: Any) -> str:
    """A string."""
    return str(expect(value, "string"))


def whole(value: Any) -> int:
    """A whole number."""
    if isinstance(expect(value, "number"), Decimal) or abs(value) >= 1 << 31:
        raise RpcError(MISC, "JSON integer out of range")
    return int(value)


def flag(value: Any, default: bool) -> bool:
    """A boolean, with a default for null."""
    return default if value is None else bool(expect(value, "bool"))


def verbosity(value: Any, default: int) -> int:
    """A level of detail; true and false are 1 and 0."""
    if value is None:
        return default
    return int(value) if isinstance(value, bool) else whole(value)


def hash_of(value: Any, name: str) -> str:
    """A hash in hexadecimal.

    Raises:
        RpcError: it is not one.
    """
    given = text(value)
    if len(given) != _HASH:
        raise RpcError(
            INVALID, f"{name} must be of length {_HASH} (not {len(given)}, for '{given}')"
        )
    if not re.fullmatch("[0-9a-fA-F]+", given):
        raise RpcError(INVALID, f"{name} must be hexadecimal string (not '{given}')")
    return given.lower()


def amount(value: Any) -> int:
    """Satoshi, from a number or string of coins with at most eight decimals.

    Raises:
        RpcError: it is not an amount.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise RpcError(TYPE, "Amount is not a number or string")
    written = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if not re.fullmatch(r"[0-9]{1,8}(\.[0-9]{1,8})?", written):
        raise RpcError(TYPE, "Invalid amount")
    satoshi = int(Decimal(written) * COIN)
    if not 0 <= satoshi <= 21_000_000 * COIN:
        raise RpcError(TYPE, "Amount out of range")
    return satoshi


def coins(satoshi: int) -> Decimal:
    """Satoshi as the RPC writes them: coins with eight decimals."""
    return Decimal(satoshi).scaleb(-8).quantize(Decimal("1E-8"))


def transaction(value: Any) -> Transaction:
    """A transaction in hexadecimal.

    Raises:
        RpcError: it cannot be decoded.
    """
    failed = "TX decode failed. Make sure the tx has at least one input."
    try:
        decoded = parse_transaction(bytes.fromhex(text(value)))
    except (Malformed, ValueError) as error:
        raise RpcError(DECODING, failed) from error
    if not decoded.inputs:
        raise RpcError(DECODING, failed)
    return decoded
