"""JSON without rounding: amounts are `Decimal`, and written with their decimals."""

import json
from decimal import Decimal
from typing import Any


def read_json(data: bytes) -> Any:
    """The JSON value in these bytes; fractions are `Decimal`.

    Raises:
        ValueError: not JSON, or nested too deeply.
    """
    try:
        text = data.decode()
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


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
