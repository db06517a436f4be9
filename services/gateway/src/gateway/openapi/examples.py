"""Examples for a schema: from its fields, else a default value of their types."""

from collections.abc import Mapping
from typing import Any

from gateway.openapi.text import PAYMENT_ID

Schema = dict[str, Any]
REF = "#/components/schemas/"
_BY_FORMAT = {"uuid": PAYMENT_ID, "date-time": "2026-01-31T12:00:00Z"}
_BY_TYPE = {"string": "text", "integer": 1, "boolean": False, "null": None}


def example_of(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """A value that fits a schema.

    Args:
        schema: with `examples` where its author gave some.
        schemas: of the whole document, by name.
    """
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].removeprefix(REF)], schemas)
    for words in ("const", "enum"):
        if words in schema:
            return schema[words] if words == "const" else schema[words][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return example_of(schema[choice][0], schemas)
    if schema.get("type") == "object":
        fields = schema.get("properties", {}).items()
        return {name: example_of(field, schemas) for name, field in fields}
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)]
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(schema.get("type", "")))


def without_null(schema: Schema) -> Schema:
    """The schema without null: a parameter can be left out, but not be null."""
    variants = [part for part in schema.get("anyOf", []) if part.get("type") != "null"]
    if not variants:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, **variants[0]} if len(variants) == 1 else {**rest, "anyOf": variants}


def complete_fields(schemas: Mapping[str, Schema]) -> None:
    """Give every field of every schema an example, and remove the framework's titles."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
            if "$ref" not in field:
                field.setdefault("examples", [example_of(field, schemas)])
            for variant in field.get("anyOf", ()):
                variant.pop("examples", None)
