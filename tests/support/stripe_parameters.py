"""Makes the twin's table of request parameters out of Stripe's description.

``python -m tests.support.stripe_parameters`` writes it; a test holds the two together.

Notation: "string", "integer", "number", "boolean"; {"max": 500} a string of that length;
{"enum": […]}; {"list": T}; "map" for metadata; {"object": {…}, "required": […]}; […] for one of
several; {"same": name} for a type that stands in "types", because it occurs more than once; "any"
for what concerns other payment methods than cards, which the twin lets through.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.stripe_spec import description

TABLE = (
    Path(__file__).parents[2]
    / "services/provider-sandbox/src/provider_sandbox/stripe/data/parameters.json"
)

OPERATIONS = (
    "post /v1/customers",
    "get /v1/customers",
    "get /v1/customers/search",
    "get /v1/customers/{customer}",
    "post /v1/customers/{customer}",
    "delete /v1/customers/{customer}",
    "get /v1/customers/{customer}/payment_methods",
    "get /v1/customers/{customer}/payment_methods/{payment_method}",
    "post /v1/payment_methods",
    "get /v1/payment_methods",
    "get /v1/payment_methods/{payment_method}",
    "post /v1/payment_methods/{payment_method}",
    "post /v1/payment_methods/{payment_method}/attach",
    "post /v1/payment_methods/{payment_method}/detach",
    "post /v1/payment_intents",
    "get /v1/payment_intents",
    "get /v1/payment_intents/search",
    "get /v1/payment_intents/{intent}",
    "post /v1/payment_intents/{intent}",
    "post /v1/payment_intents/{intent}/confirm",
    "post /v1/payment_intents/{intent}/capture",
    "post /v1/payment_intents/{intent}/cancel",
    "post /v1/setup_intents",
    "get /v1/setup_intents",
    "get /v1/setup_intents/{intent}",
    "post /v1/setup_intents/{intent}",
    "post /v1/setup_intents/{intent}/confirm",
    "post /v1/setup_intents/{intent}/cancel",
    "post /v1/refunds",
    "get /v1/refunds",
    "get /v1/refunds/{refund}",
    "post /v1/refunds/{refund}",
    "post /v1/refunds/{refund}/cancel",
    "get /v1/charges",
    "get /v1/charges/search",
    "get /v1/charges/{charge}",
    "post /v1/charges/{charge}",
    "get /v1/disputes",
    "get /v1/disputes/{dispute}",
    "post /v1/disputes/{dispute}",
    "post /v1/disputes/{dispute}/close",
    "get /v1/events",
    "get /v1/events/{id}",
)

_LIST = {"ending_before": "string", "starting_after": "string", "limit": "integer"}
_CREATED: Any = ["integer", {"object": dict.fromkeys(("gt", "gte", "lt", "lte"), "integer")}]
_NOT_DESCRIBED: dict[str, Any] = {
    # The trimmed description leaves the balance out. Source: docs.stripe.com/api/balance and
    # docs.stripe.com/api/balance_transactions/list.
    "get /v1/balance": {"expand": {"list": "string"}},
    "get /v1/balance_transactions": {
        **_LIST,
        "created": _CREATED,
        "currency": "string",
        "expand": {"list": "string"},
        "payout": "string",
        "source": "string",
        "type": "string",
    },
    "get /v1/balance_transactions/{id}": {"expand": {"list": "string"}},
}


def table() -> dict[str, Any]:
    """Parameters of each operation of the twin."""
    made = {name: _parameters(*name.split()) for name in OPERATIONS}
    return made | {name: {"object": rows} for name, rows in _NOT_DESCRIBED.items()}


def _parameters(method: str, path: str) -> dict[str, Any]:
    operation = description()["paths"][path][method]
    if method == "post":
        content = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]
        return _object(content["schema"])
    rows = [row for row in operation["parameters"] if row["in"] == "query"]
    needed = sorted(row["name"] for row in rows if row.get("required"))
    made: dict[str, Any] = {"object": {row["name"]: _type(row["schema"]) for row in rows}}
    return made | ({"required": needed} if needed else {})


def _object(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    # Types of payment methods are named by an enum beside them; only cards are of interest.
    others = set(properties.get("type", {}).get("enum", ())) - {"card"}
    rows = {
        name: "any" if name in others or name == "hooks" else _named(name, inner)
        for name, inner in sorted(properties.items())
    }
    needed = sorted(schema.get("required", ()))
    return {"object": rows} | ({"required": needed} if needed else {})


def _named(name: str, schema: dict[str, Any]) -> Any:
    if name == "payment_method_data":
        return _with_card(_object(schema))
    if name == "payment_method_options":
        card = schema["properties"].get("card", {})
        rest = dict.fromkeys(sorted(set(schema["properties"]) - {"card"}), "any")
        return {"object": {**rest, "card": _type(card)}}
    return _type(schema)


def _with_card(rows: dict[str, Any]) -> dict[str, Any]:
    """Stripe.js sends typed cards here too; the description tells of them in one place only."""
    content = description()["paths"]["/v1/payment_methods"]["post"]["requestBody"]["content"]
    methods = content["application/x-www-form-urlencoded"]["schema"]["properties"]
    rows["object"] |= {"card": _type(methods["card"]), "type": {"enum": ["card"]}}
    return rows


def _type(schema: dict[str, Any]) -> Any:
    if "anyOf" in schema:
        return [_type(inner) for inner in schema["anyOf"]]
    if "enum" in schema:
        return {"enum": schema["enum"]}
    if schema["type"] == "array":
        return {"list": _type(schema["items"])}
    if schema["type"] == "object":
        return _object(schema) if "properties" in schema else "map"
    longest = schema.get("maxLength", 5000)
    return schema["type"] if longest == 5000 else {"max": longest}


_WORTH_SHARING = 150
"""Length from which a repeated type is written once."""


def shared(made: dict[str, Any]) -> dict[str, Any]:
    """The same table with repeated types written once, by the name of their first place."""
    seen: Counter[str] = Counter()
    for rows in made.values():
        seen.update(json.dumps(kind) for kind in rows["object"].values())
    types: dict[str, Any] = {}
    names: dict[str, str] = {}
    for rows in made.values():
        for name, kind in rows["object"].items():
            text = json.dumps(kind)
            if len(text) < _WORTH_SHARING or seen[text] < 2:
                continue
            if text not in names:
                names[text] = name if name not in types else f"{name} {len(types)}"
                types[names[text]] = kind
            rows["object"][name] = {"same": names[text]}
    return {"types": types, "operations": made}


def text() -> str:
    """The table as it stands in the file: one type or operation on each line."""
    parts = []
    for part, rows in shared(table()).items():
        lines = [
            f"{json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}"
            for name, row in rows.items()
        ]
        parts.append(f"{json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(text())
