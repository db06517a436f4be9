"""Validate the parameters of each operation by a table made from Stripe's API description.

``tests/support/stripe_parameters.py`` makes the table and defines its notation.
"""

import json
import re
from importlib.resources import files
from typing import Any, cast

from provider_sandbox.stripe.errors import StripeError, invalid
from provider_sandbox.stripe.form import Nested

_TABLE = json.loads(
    files("provider_sandbox.stripe").joinpath("data/parameters.json").read_text(encoding="utf-8")
)
_INTEGER = re.compile(r"-?\d{1,18}")
_METADATA_KEYS, _METADATA_KEY, _METADATA_VALUE = 50, 40, 500


def check(operation: str, given: Nested) -> dict[str, Any]:
    """The parameters with their types.

    Args:
        operation: method in lower case and path with braces, as in the API description.
        given: the decoded fields; every value is text.

    Raises:
        StripeError: HTTP 400 with ``param``: it is unknown, missing or of the wrong type.
    """
    rows = _TABLE["operations"][operation]
    for name in rows.get("required", ()):
        if name not in given:
            raise StripeError(
                400, f"Missing required param: {name}.", code="parameter_missing", param=name
            )
    return _object(rows, given, "")


def _object(rows: dict[str, Any], given: Any, at: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise invalid(f"Invalid object: {_shown(given)}", param=at)
    known = rows["object"]
    made = {}
    for name, value in given.items():
        path = f"{at}[{name}]" if at else name
        if name not in known:
            raise invalid(
                f"Received unknown parameter: {path}", param=path, code="parameter_unknown"
            )
        made[name] = _value(known[name], value, path)
    for name in rows.get("required", ()):
        if at and name not in given:
            path = f"{at}[{name}]"
            raise invalid(f"Missing required param: {path}.", param=path, code="parameter_missing")
    return made


def _value(kind: Any, given: Any, at: str) -> Any:
    if isinstance(kind, list):
        return _one_of(kind, given, at)
    if isinstance(kind, dict):
        return _compound(kind, given, at)
    if kind == "any":
        return given
    if kind == "map":
        return _map(given, at)
    if isinstance(given, dict):
        raise invalid(f"Invalid {kind}: {{}}", param=at)
    return _scalar(kind, given, at)


def _scalar(kind: str, given: str, at: str) -> Any:
    if given == "" and kind != "string":
        raise invalid(
            f"You passed an empty string for '{at}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{at}' cannot be unset. You should remove '{at}' from "
            "your request or supply a non-empty value.",
            param=at,
            code="parameter_invalid_empty",
        )
    if kind == "boolean":
        if given not in ("true", "false"):
            raise invalid(f"Invalid boolean: {_shown(given)}", param=at)
        return given == "true"
    if kind in ("integer", "number"):
        if not _INTEGER.fullmatch(given):
            raise invalid(
                f"Invalid integer: {_shown(given)}", param=at, code="parameter_invalid_integer"
            )
        return int(given)
    return _text(given, 5000, at)


def _compound(kind: dict[str, Any], given: Any, at: str) -> Any:
    if "same" in kind:
        return _value(_TABLE["types"][kind["same"]], given, at)
    if "object" in kind:
        return _object(kind, given, at)
    if "list" in kind:
        return _list(kind["list"], given, at)
    if isinstance(given, dict):
        raise invalid("Invalid string: {}", param=at)
    if "enum" in kind:
        if given not in kind["enum"]:
            words = ", ".join(word for word in kind["enum"] if word)
            raise invalid(f"Invalid {at}: must be one of {words}", param=at)
        return given
    return _text(given, kind["max"], at)


def _one_of(kinds: list[Any], given: Any, at: str) -> Any:
    """The value by the first type that accepts it; else the error of the last type."""
    for kind in kinds[:-1]:
        try:
            return _value(kind, given, at)
        except StripeError:
            continue
    return _value(kinds[-1], given, at)


def _list(kind: Any, given: Any, at: str) -> list[Any]:
    if given == "":
        return []
    if not isinstance(given, dict) or not all(index.isdigit() for index in given):
        raise invalid("Invalid array", param=at)
    ordered = sorted(given.items(), key=lambda item: int(item[0]))
    return [_value(kind, value, f"{at}[{index}]") for index, value in ordered]


def _map(given: Any, at: str) -> dict[str, str]:
    if given == "":
        return {}
    if not isinstance(given, dict) or any(isinstance(value, dict) for value in given.values()):
        raise invalid(f"Invalid hash: {at}", param=at)
    if len(given) > _METADATA_KEYS:
        raise invalid(f"Metadata can have up to {_METADATA_KEYS} keys", param=at)
    for name, value in given.items():
        if len(name) > _METADATA_KEY:
            raise invalid(f"Metadata keys can have up to {_METADATA_KEY} characters", param=at)
        if len(value) > _METADATA_VALUE:
            raise invalid(
                f"Metadata values can have up to {_METADATA_VALUE} characters, but you passed in "
                f"a value that is {len(value)} characters.",
                param=f"{at}[{name}]",
            )
    return cast("dict[str, str]", dict(given))


def _text(given: str, longest: int, at: str) -> str:
    if len(given) > longest:
        raise invalid(
            f"Invalid string: must be at most {longest} characters",
            param=at,
            code="parameter_invalid_string",
        )
    return given


def _shown(given: Any) -> str:
    """A value shortened for an error message, so that it can't contain a whole card number."""
    return str(given)[:11]
