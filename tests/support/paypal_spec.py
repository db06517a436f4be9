"""PayPal's official descriptions, and the checker that holds the PayPal twin's words against them.

The descriptions are open: an invented field would pass. So objects with named properties are closed
here, and the parts of an ``allOf`` are merged before that.
"""

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

SPECS = Path(__file__).parents[1] / "contract" / "specs"
NAMES = (
    "checkout_orders_v2",
    "payments_payment_v2",
    "payments_payouts_batch_v1",
    "notifications_webhooks_v1",
    "customer_disputes_v1",
    "vault_payment_tokens_v3",
    "reporting_transactions_v1",
)

NEWER_ISSUES = frozenset({"DUPLICATE_REQUEST_ID", "ORDER_EXPIRED"})
"""Issues that PayPal answers and that the descriptions, of February 2024, do not list."""

_TOO_MANY = 429
"""A status that the descriptions do not list; PayPal's guidelines on rate limiting do."""
_FAILED = 500
_METHODS = ("get", "post", "put", "patch", "delete")
_DROPPED = frozenset({"nullable", "format", "example", "description", "title", "readOnly"})


class Illegal(AssertionError):
    """Something that PayPal would not say."""


@cache
def description(name: str) -> dict[str, Any]:
    """One description, as published."""
    spec: dict[str, Any] = json.loads(
        gzip.decompress((SPECS / f"paypal_{name}.json.gz").read_bytes())
    )
    return spec


def resolved(spec: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The node that a reference leads to."""
    while "$ref" in node:
        found: Any = spec
        for step in node["$ref"].split("/")[1:]:
            found = found[step]
        node = found
    return node


def merged(spec: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """A schema without reference and without ``allOf``; properties are not yet followed."""
    node = resolved(spec, node)
    if "allOf" not in node:
        return node
    made: dict[str, Any] = {name: value for name, value in node.items() if name != "allOf"}
    for part in node["allOf"]:
        inner = merged(spec, part)
        properties = {**made.get("properties", {})}
        for name, value in inner.get("properties", {}).items():
            both = name in properties and properties[name] != value
            properties[name] = {"allOf*": [properties[name], value]} if both else value
        required = [*made.get("required", []), *inner.get("required", [])]
        made = {**made, **inner, "properties": properties, "required": required}
    return made


def operations() -> dict[str, tuple[str, str, str, dict[str, Any]]]:
    """Every operation by its id: the description's name, method, path and the operation."""
    return {
        operation["operationId"]: (name, method, path, operation)
        for name in NAMES
        for path, methods in description(name)["paths"].items()
        for method, operation in methods.items()
        if method in _METHODS
    }


class _Closing:
    """Turns a description's schemas into closed JSON Schema 2020-12 with shared definitions."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self.defs: dict[str, Any] = {}

    def close(self, node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            if name not in self.defs:
                self.defs[name] = {}
                self.defs[name] = self._closed(merged(self._spec, node))
            return {"$ref": f"#/$defs/{name}"}
        return self._closed(merged(self._spec, node))

    def _closed(self, node: dict[str, Any]) -> dict[str, Any]:
        made = {name: value for name, value in node.items() if name not in _DROPPED}
        for name in ("oneOf", "anyOf"):
            if name in made:
                made[name] = [self.close(part) for part in made[name]]
        if "allOf*" in made:
            made["allOf"] = [self._open(part) for part in made.pop("allOf*")]
        if "items" in made:
            made["items"] = self.close(made["items"])
        if not _compiles(made.get("pattern")):
            del made["pattern"]
        if "properties" in made:
            made["properties"] = {
                name: self.close(value) for name, value in made["properties"].items()
            }
            if "oneOf" not in made and "anyOf" not in made:
                made.setdefault("additionalProperties", False)
        if not made.get("required", True):
            del made["required"]
        return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") else made

    def _open(self, node: dict[str, Any]) -> dict[str, Any]:
        """As ``close``; a part of an intersection names only some of the properties."""
        made = self._closed(merged(self._spec, node))
        for part in (made, made.get("items", {}), *made.get("items", {}).get("anyOf", [])):
            part.pop("additionalProperties", None)
        return made


@cache
def _compiles(pattern: str | None) -> bool:
    if pattern is None:
        return True
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


@cache
def _validator(operation: str, status: int) -> Any:
    name, _, _, found = operations()[operation]
    responses = found["responses"]
    if str(status) not in responses and "default" not in responses:
        raise Illegal(f"{operation} never answers {status}")
    answer = resolved(description(name), responses.get(str(status)) or responses["default"])
    if "content" not in answer:
        # Some operations describe HTTP 500 without its body.
        return _schema_validator(name, "error_500") if status == _FAILED else None
    return _closed_validator(name, next(iter(answer["content"].values()))["schema"])


def _closed_validator(name: str, node: dict[str, Any]) -> Any:
    closing = _Closing(description(name))
    schema = closing.close(node)
    return jsonschema_rs.Draft202012Validator({"$defs": closing.defs, **schema})


@cache
def _schema_validator(name: str, schema: str) -> Any:
    return _closed_validator(name, {"$ref": f"#/components/schemas/{schema}"})


_RESOURCES = {
    "checkout-order": ("checkout_orders_v2", "order"),
    "capture": ("payments_payment_v2", "capture-2"),
    "refund": ("payments_payment_v2", "refund"),
    "dispute": ("customer_disputes_v1", "dispute"),
    "payouts_item": ("payments_payouts_batch_v1", "payout_item-2"),
    "payment_token": ("vault_payment_tokens_v3", "payment_token_response"),
}
_BEYOND = {"checkout-order": {"order_id"}}
"""Fields of events that the descriptions of the resources do not have."""


class Checker:
    """Checks answers and events, and counts them by operation or event type and status."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int], int] = {}

    def answer(self, method: str, path: str, status: int, body: Any) -> None:
        """An answer of the API.

        Raises:
            Illegal: with the place and the reason.
        """
        operation = operation_of(method, path)
        if operation is None:
            raise Illegal(f"no operation of PayPal's: {method} {path}")
        self._count(operation, status)
        if status == _TOO_MANY:
            _hold(operation, _schema_validator("notifications_webhooks_v1", "error"), body)
            return
        if status >= 400:
            body = _described(body)
            if body is None:
                return
        validator = _validator(operation, status)
        if validator is None:
            if body is not None:
                raise Illegal(f"{operation} {status} has no body")
            return
        _hold(f"{operation} {status}", validator, body)
        if status < 300:
            _minimal(operation, body)

    def event(self, body: Any) -> None:
        """An event as it is posted.

        Raises:
            Illegal: the envelope or the resource in it.
        """
        self._count(body["event_type"], 0)
        _hold("event", _schema_validator("notifications_webhooks_v1", "event"), body)
        missing = {"id", "create_time", "event_type", "resource_type", "summary", "resource"} - set(
            body
        )
        if missing:
            raise Illegal(f"event without {missing}")
        kind = body["resource_type"]
        if kind in _RESOURCES:
            extra = _BEYOND.get(kind, set())
            resource = {name: part for name, part in body["resource"].items() if name not in extra}
            _hold(f"event {kind}", _schema_validator(*_RESOURCES[kind]), resource)

    def _count(self, name: str, status: int) -> None:
        self.seen[name, status] = self.seen.get((name, status), 0) + 1


def _described(body: Any) -> Any:
    """The error without newer issues; None when it is the OAuth form."""
    if set(body) == {"error", "error_description"}:
        return None
    details = body.get("details")
    if not details:
        return body
    known = [row for row in details if row.get("issue") not in NEWER_ISSUES]
    return {**body, "details": known}


_MINIMAL = {
    "orders.create": ("id", "status", "links"),
    "orders.get": ("id", "status", "intent", "purchase_units", "links", "create_time"),
    "orders.capture": ("id", "status", "purchase_units", "links"),
    "captures.get": ("id", "status", "amount", "final_capture", "links", "create_time"),
    "captures.refund": ("id", "status", "links"),
    "refunds.get": ("id", "status", "amount", "links", "create_time"),
    "payouts.post": ("batch_header", "links"),
    "payouts.get": ("batch_header", "items", "links"),
    "payouts-item.get": ("transaction_status", "payout_item_id", "links"),
    "payouts-item.cancel": ("transaction_status", "payout_item_id", "links"),
    "disputes.get": ("dispute_id", "status", "reason", "disputed_transactions"),
}
"""Fields that an answer always has; the descriptions require next to nothing."""


def _minimal(operation: str, body: Any) -> None:
    missing = [name for name in _MINIMAL.get(operation, ()) if name not in body]
    if missing:
        raise Illegal(f"{operation} without {missing}")


def _hold(name: str, validator: Any, body: Any) -> None:
    faults = [
        f"{name}{''.join(f'[{step}]' for step in fault.instance_path)}: {fault.message[:300]}"
        for fault in validator.iter_errors(body)
    ]
    if faults:
        raise Illegal("; ".join(faults[:3]))


def operation_of(method: str, path: str) -> str | None:
    """The id of the operation of a path, without its query."""
    for name, (_, verb, pattern, _) in operations().items():
        shape = re.sub(r"\{[^}]+\}", "[^/]+", pattern)
        if verb == method.lower() and re.fullmatch(shape, path):
            return name
    return None
