"""Stripe's official description of its API, and the checker that holds a twin's words against it.

The description is open: an invented field would pass. So every schema with named properties is
closed here, except metadata and what the description itself leaves free.
"""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

SPEC = (
    Path(__file__).parents[1]
    / "contract"
    / "specs"
    / "stripe_openapi_2026-08-26.dahlia_trimmed.json.gz"
)

_AMOUNTS = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["amount", "currency"],
        "properties": {
            "amount": {"type": "integer"},
            "currency": {"type": "string"},
            "source_types": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
    },
}
_BALANCE = {
    # Not in the trimmed description. Source: docs.stripe.com/api/balance/balance_object.
    "type": "object",
    "additionalProperties": False,
    "required": ["object", "available", "livemode", "pending"],
    "properties": {
        "object": {"enum": ["balance"]},
        "available": _AMOUNTS,
        "livemode": {"type": "boolean"},
        "pending": _AMOUNTS,
    },
}
_PAGE = {"object", "data", "has_more", "url", "next_page"}


class Illegal(AssertionError):
    """Something that Stripe would not say."""


@cache
def description() -> dict[str, Any]:
    """The description, as published apart from what its README names."""
    spec: dict[str, Any] = json.loads(gzip.decompress(SPEC.read_bytes()))
    return spec


@cache
def _schemas() -> dict[str, Any]:
    closed = {name: _closed(row) for name, row in description()["components"]["schemas"].items()}
    return closed | {"balance": _BALANCE}


def _closed(node: Any) -> Any:
    """The same schema in JSON Schema 2020-12: nulls allowed where nullable, no foreign names."""
    if isinstance(node, list):
        return [_closed(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    made = {
        name: {key: _closed(inner) for key, inner in value.items()}
        if name == "properties"
        else _closed(value)
        for name, value in node.items()
        if name not in ("nullable", "format") and not name.startswith("x-")
    }
    if "properties" in made:
        made.setdefault("additionalProperties", False)
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") else made


@cache
def _validator(name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": _schemas()}}
    return jsonschema_rs.Draft202012Validator(schema)


class Checker:
    """Checks answers and events, and counts them."""

    def __init__(self) -> None:
        self.answers = 0
        self.errors = 0
        self.events = 0
        self.objects: dict[str, int] = {}

    def answer(self, status: int, body: Any) -> None:
        """An answer of the API.

        Raises:
            Illegal: with the place and the reason.
        """
        if status >= 400:
            self.errors += 1
            self._check("error", body)
            return
        self.answers += 1
        self._any(body)

    def event(self, body: Any) -> None:
        """An event as it is posted.

        Raises:
            Illegal: the envelope or the object in it.
        """
        self.events += 1
        self._check("event", body)
        self._any(body["data"]["object"])

    def _any(self, body: Any) -> None:
        kind = body["object"]
        if kind in ("list", "search_result"):
            foreign = set(body) - _PAGE
            if foreign or not isinstance(body["has_more"], bool):
                raise Illegal(f"{kind}: {foreign}")
            for row in body["data"]:
                self._any(row)
        elif kind == "event":
            self.event(body)
        else:
            self._check("deleted_customer" if body.get("deleted") else kind, body)

    def _check(self, name: str, body: Any) -> None:
        self.objects[name] = self.objects.get(name, 0) + 1
        if name not in _schemas():
            raise Illegal(f"no object of Stripe's: {name}")
        faults = [
            f"{name}{''.join(f'[{step}]' for step in fault.instance_path)}: {fault.message[:300]}"
            for fault in _validator(name).iter_errors(body)
        ]
        if faults:
            raise Illegal("; ".join(faults[:3]))
