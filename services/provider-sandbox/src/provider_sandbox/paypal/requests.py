"""Validate request bodies by a table made from PayPal's descriptions.

``tests/support/paypal_tables.py`` makes the table and defines its notation. A field that the table
does not have is refused, so that a caller's misspelling is found.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from provider_sandbox.paypal.errors import PayPalError, known, refused

_TABLE = json.loads(
    files("provider_sandbox.paypal").joinpath("data/requests.json").read_text(encoding="utf-8")
)


def parse(operation: str, raw: bytes) -> dict[str, Any]:
    """The JSON object of a request, checked by the table.

    Raises:
        PayPalError: HTTP 400 with field and issue.
    """
    if operation not in _TABLE:
        return {}
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError as fault:
        raise _fault(operation, "MALFORMED_REQUEST_JSON", "", None) from fault
    _check(operation, _TABLE[operation], body, "")
    return dict(body)


def _check(operation: str, kind: Any, given: Any, at: str) -> None:
    if kind == "any":
        return
    if isinstance(kind, str):
        wanted: type = bool if kind == "boolean" else int
        if not isinstance(given, wanted):
            raise _fault(operation, "INVALID_PARAMETER_SYNTAX", at, given)
    elif "object" in kind:
        _check_object(operation, kind, given, at)
    elif "list" in kind:
        _check_list(operation, kind, given, at)
    else:
        _check_text(operation, kind["text"], given, at)


def _check_object(operation: str, kind: Any, given: Any, at: str) -> None:
    if not isinstance(given, dict):
        raise _fault(operation, "MALFORMED_REQUEST_JSON", at, given)
    for name in kind.get("required", ()):
        if name not in given:
            raise _fault(operation, "MISSING_REQUIRED_PARAMETER", f"{at}/{name}", None)
    for name, value in given.items():
        if name not in kind["object"]:
            raise _fault(operation, "MALFORMED_REQUEST_JSON", f"{at}/{name}", None)
        _check(operation, kind["object"][name], value, f"{at}/{name}")


def _check_list(operation: str, kind: Any, given: Any, at: str) -> None:
    if not isinstance(given, list):
        raise _fault(operation, "MALFORMED_REQUEST_JSON", at, given)
    if len(given) < kind.get("min", 0):
        raise _fault(operation, "INVALID_ARRAY_MIN_ITEMS", at, None)
    if len(given) > kind.get("max", len(given)):
        raise _fault(operation, "INVALID_ARRAY_MAX_ITEMS", at, None)
    for index, value in enumerate(given):
        _check(operation, kind["list"], value, f"{at}/{index}")


def _check_text(operation: str, kind: Any, given: Any, at: str) -> None:
    if not isinstance(given, str):
        raise _fault(operation, "INVALID_PARAMETER_SYNTAX", at, given)
    if not kind.get("min", 0) <= len(given) <= kind.get("max", len(given)):
        raise _fault(operation, "INVALID_STRING_LENGTH", at, given)
    if "enum" in kind and given not in kind["enum"]:
        raise _fault(operation, "INVALID_PARAMETER_VALUE", at, given)
    if "pattern" in kind and not _compiled(kind["pattern"]).search(given):
        raise _fault(operation, "INVALID_PARAMETER_SYNTAX", at, given)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _fault(operation: str, issue: str, field: str, value: Any) -> PayPalError:
    """The error in the operation's own words.

    Payouts and webhooks answer VALIDATION_ERROR. Refunds do not know every issue of orders.
    """
    shown = None if value is None else str(value)
    if known(operation, "MISSING_REQUIRED_PARAMETER") is None:
        detail = {"field": field or "/", "location": "body", "issue": issue}
        return PayPalError(
            400, name="VALIDATION_ERROR", message="Invalid request - see details", details=[detail]
        )
    if known(operation, issue) is None:
        issue = "INVALID_PARAMETER_SYNTAX"
    return refused(operation, issue, field=field or "/", value=shown)
