"""Makes the PayPal twin's two tables out of PayPal's descriptions.

``python -m tests.support.paypal_tables`` writes them; a test holds them and the descriptions
together. ``issues.json`` has the issues of each operation and status with their texts.
``requests.json`` has the fields of each request.

Notation of a field: {"object": {name: T}, "required": [...]}; {"list": T, "min": n, "max": n};
{"text": {"enum": [...], "min": n, "max": n, "pattern": p}}; "boolean", "integer", "any".
"""

import json
import re
from pathlib import Path
from typing import Any

from tests.support.paypal_spec import description, merged, operations, resolved

FOLDER = Path(__file__).parents[2] / "services/provider-sandbox/src/provider_sandbox/paypal/data"

PLAYED = (
    "orders.create",
    "orders.get",
    "orders.capture",
    "captures.get",
    "captures.refund",
    "refunds.get",
    "payouts.post",
    "payouts.get",
    "payouts-item.get",
    "payouts-item.cancel",
    "verify-webhook-signature.post",
    "payment-tokens.create",
    "setup-tokens.create",
)
"""The operations of the twin that have a request body or listed issues."""

_SOURCES = {"paypal", "token"}
"""The payment sources that the twin knows; it refuses cards, banks and wallets of others."""


def issues() -> dict[str, dict[str, dict[str, str]]]:
    """Texts by operation, status and issue."""
    made: dict[str, dict[str, dict[str, str]]] = {}
    for operation in PLAYED:
        name, _, _, found = operations()[operation]
        spec = description(name)
        for status, answer in found["responses"].items():
            rows = _issues(spec, resolved(spec, answer)) if status[0] in "45" else {}
            if rows:
                made.setdefault(operation, {})[status] = rows
    return made


def _issues(spec: dict[str, Any], node: Any) -> dict[str, str]:
    if isinstance(node, list):
        return {key: text for part in node for key, text in _issues(spec, part).items()}
    if not isinstance(node, dict):
        return {}
    node = resolved(spec, node)
    properties = node.get("properties", {})
    names = properties.get("issue", {}).get("enum", []) if isinstance(properties, dict) else []
    if names:
        texts = properties.get("description", {}).get("enum", [""])
        return {names[0]: texts[0]}
    return _issues(spec, list(node.values()))


def requests() -> dict[str, Any]:
    """Fields by operation."""
    made = {}
    for operation in PLAYED:
        name, _, _, found = operations()[operation]
        for content in found.get("requestBody", {}).get("content", {}).values():
            made[operation] = _field(description(name), content["schema"], "")
    return made


_NEWER = {("BILLING_AGREEMENT",): ["BILLING_AGREEMENT", "SETUP_TOKEN"]}
"""Values that PayPal's documentation has and its descriptions, of February 2024, do not."""


def _field(spec: dict[str, Any], node: dict[str, Any], at: str) -> Any:
    node = merged(spec, node)
    if "allOf*" in node:
        return _field(spec, node["allOf*"][-1], at)
    kind = node.get("type")
    if "properties" in node:
        return _object(spec, node, at)
    if kind == "array":
        more = {"min": node.get("minItems"), "max": node.get("maxItems")}
        return {"list": _field(spec, node["items"], at), **_given(more)}
    if kind == "string":
        more = {
            "enum": _NEWER.get(tuple(node.get("enum", ())), node.get("enum")),
            "min": node.get("minLength"),
            "max": node.get("maxLength"),
            "pattern": _pattern(node.get("pattern")),
        }
        return {"text": _given(more)}
    return kind if kind in ("boolean", "integer") else "any"


def _object(spec: dict[str, Any], node: dict[str, Any], at: str) -> Any:
    rows = {
        name: _field(spec, value, name)
        for name, value in sorted(node["properties"].items())
        if at != "payment_source" or name in _SOURCES
    }
    return {"object": rows, **_given({"required": sorted(set(node.get("required", [])))})}


def _given(more: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if value}


def _pattern(pattern: str | None) -> str | None:
    """The pattern, if Python reads it and it says more than "anything"."""
    if pattern is None or pattern in ("^.*$", r"^[\S\s]*$"):
        return None
    try:
        re.compile(pattern)
    except re.error:
        return None
    return pattern


def text(table: Any) -> str:
    """A table as it is stored."""
    return json.dumps(table, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    (FOLDER / "issues.json").write_text(text(issues()), encoding="utf-8")
    (FOLDER / "requests.json").write_text(text(requests()), encoding="utf-8")
