"""JSON without rounding: amounts are `Decimal`, and written with their decimals."""

import itertools
import json
import re
from decimal import Decimal
from typing import Any

_DEEPEST = 100
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def read_json(data: bytes) -> Any:
    """The JSON value in these bytes; fractions are `Decimal`.

    Raises:
        ValueError: not JSON, or nested more than 100 levels deep.
    """
    _check_depth(data)
    return json.loads(data.decode(), parse_float=Decimal, parse_constant=_refuse)


def _check_depth(data: bytes) -> None:
    """Deep nesting ends the process: py-evm allows more recursion than the stack has room for."""
    brackets = _BRACKETS.findall(_STRINGS.sub(b"", data))
    depths = itertools.accumulate(1 if one in b"[{" else -1 for one in brackets)
    if max(depths, default=0) > _DEEPEST:
        raise ValueError("nested too deeply")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def write_json(value: Any) -> str:
    """The value as compact JSON. A `Decimal` is a number with the decimals that it has."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        members = (f"{json.dumps(str(name))}:{write_json(one)}" for name, one in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(write_json(one) for one in value) + "]"
    return json.dumps(value)
