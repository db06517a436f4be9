"""The OpenAPI document: what FastAPI derives from the code, completed for people and generators.

Names of operations and schemas, descriptions, examples and headers are added here, once for all
routes; `docs/openapi.json` holds the result and a test compares.
"""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.openapi import text
from gateway.openapi.examples import Schema, complete_fields, example_of, without_null
from gateway.openapi.text import DEEP
from gateway.problems.help import HELP
from gateway.problems.problem import KINDS, MEDIA_TYPE, Problem
from gateway.problems.responses import ProblemOut

Operation = dict[str, Any]
_INSTANCE = f"urn:uuid:{text.PAYMENT_ID}"
_SCHEMA_NAME = re.compile(r"^(\w+?)(In|Out)$")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an application."""
    document = _found(app)
    document = _renamed(document, document["components"]["schemas"])
    schemas = document["components"]["schemas"]
    _without_defaults(schemas)
    for name, example in text.WHOLE.items():
        schemas[name]["examples"] = [dict(example)]
    complete_fields(schemas)
    for operation in _operations(document):
        _complete(operation, schemas)
    document["components"] |= {
        "securitySchemes": dict(text.SECURITY_SCHEMES),
        "headers": dict(text.HEADERS),
        "examples": {f"problem_{code}": _problem_example(code) for code in _codes(document)},
    }
    return document


def _found(app: FastAPI) -> dict[str, Any]:
    with warnings.catch_warnings():
        # GET and HEAD of one route have one id; HEAD is left out below
        warnings.filterwarnings("ignore", message="Duplicate Operation ID")
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=text.SERVERS,
            tags=[{"name": name, "description": about} for name, about in text.TAGS.items()],
        )
    document["info"] |= text.INFO
    for operations in document["paths"].values():
        operations.pop("head", None)
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document["components"]["schemas"]
    schemas |= {**problem.pop("$defs"), "ProblemOut": problem}
    return document


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for operations in document["paths"].values():
        yield from operations.values()


def _renamed(document: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """`PaymentOut` becomes `Payment`, `PaymentIn` becomes `PaymentRequest`."""
    names = {}
    for name in schemas:
        match = _SCHEMA_NAME.match(name)
        if match:
            names[name] = match.group(1) + ("Request" if match.group(2) == "In" else "")
    renamed: dict[str, Any] = _with_names(document, names)
    return renamed


def _with_names(part: Any, names: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {names.get(key, key): _with_names(value, names) for key, value in part.items()}
    if isinstance(part, list):
        return [_with_names(item, names) for item in part]
    if isinstance(part, str):
        place, slash, name = part.rpartition("/")
        if place in ("", "#/components/schemas") and name in names:
            return f"{place}{slash}{names[name]}"
    return part


def _without_defaults(schemas: Mapping[str, Schema]) -> None:
    """Replace the default of each field of a request body by a sentence in its description.

    Client generators treat a field with a default as always present, and then require every caller
    to send it.
    """
    for name, schema in schemas.items():
        for field in schema.get("properties", {}).values() if name.endswith("Request") else ():
            if "default" in field:
                left_out = json.dumps(field.pop("default"))
                field["description"] += f" Left out, it is `{left_out}`."


def _complete(operation: Operation, schemas: Mapping[str, Schema]) -> None:
    """Add to one operation what its function does not define."""
    name = operation["operationId"]
    operation["summary"] = _WORDS.sub(" ", name).capitalize()
    if scopes := operation["x-scopes"]:
        needed = " or ".join(f"`{scope}`" for scope in scopes)
        operation["description"] += f"\n\nScope: {needed}."
    for parameter in operation.get("parameters", []):
        _complete_parameter(parameter, schemas)
    if body := operation.get("requestBody"):
        _complete_body(body, name, schemas)
    for status, response in operation["responses"].items():
        _complete_response(response, int(status), operation, schemas)


def _complete_parameter(parameter: dict[str, Any], schemas: Mapping[str, Schema]) -> None:
    schema = parameter["schema"] = without_null(parameter["schema"])
    schema.pop("title", None)
    described = schema.pop("description", None)
    if parameter["in"] == "path":
        described, parameter["example"] = text.PATH_PARAMETERS[parameter["name"]]
    parameter.setdefault("description", described)
    example = parameter.pop("example", example_of(schema, schemas))
    schema.pop("examples", None)
    if parameter.get("required"):
        parameter["example"] = example
    else:  # an example of the parameter itself is sent by every try-out of Swagger UI
        schema["examples"] = [example]
        if isinstance(example, str | int) and not {"enum", "default"} & schema.keys():
            parameter["description"] += f" Example: `{example}`."
    if schema.pop(DEEP, False):
        parameter |= {"style": "deepObject", "explode": True}


def _complete_body(body: dict[str, Any], name: str, schemas: Mapping[str, Schema]) -> None:
    media = body["content"]["application/json"]
    sent = without_null(media["schema"])
    if body.get("required"):  # a body that may be left out may also be `null`
        media["schema"] = sent
    media["schema"].pop("title", None)
    body["description"] = (
        schemas[sent["$ref"].rpartition("/")[2]]["description"]
        if ("$ref" in sent)
        else "The notice as the provider sends it."
    )
    if "examples" not in media:
        bodies = text.BODIES[name].items()
        media["examples"] = {
            key: {"summary": title, "value": value} for key, (title, value) in bodies
        }


def _complete_response(
    response: dict[str, Any], status: int, operation: Operation, schemas: Mapping[str, Schema]
) -> None:
    sent = {parameter["name"] for parameter in operation.get("parameters", [])}
    if status >= 400:
        headers = _complete_refusal(response, keyed="Idempotency-Key" in sent)
    else:
        _complete_success(response, operation["operationId"], schemas)
        headers = [] if status == 204 else _headers_of_success(operation["operationId"], sent)
    names = ("X-Request-Id", *headers)
    response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _complete_refusal(response: dict[str, Any], *, keyed: bool) -> list[str]:
    """Describe the codes of a status; returns the names of the headers that they add."""
    codes = response["description"].split(", ")
    response["description"] = "\n".join(f"- `{code}`: {HELP[code]}" for code in codes)
    examples = {code: {"$ref": f"#/components/examples/problem_{code}"} for code in codes}
    response["content"][MEDIA_TYPE]["examples"] = examples
    headers = []
    if any("Retry-After" in Problem(code).headers for code in codes):
        headers.append("Retry-After")
    if keyed and any(KINDS[code].stored for code in codes):
        headers.append("Idempotency-Replayed")
    return headers


def _complete_success(response: dict[str, Any], name: str, schemas: Mapping[str, Schema]) -> None:
    if response["description"] == "Successful Response":
        response["description"] = text.ANSWERS[name]
    for media in response.get("content", {}).values():
        media.get("schema", {}).pop("title", None)
        if "example" not in media:
            media["example"] = example_of(media["schema"], schemas)
        if name == "createPayment":
            media["example"] = {**media["example"], **text.JUST_ACCEPTED}


def _headers_of_success(name: str, sent: set[str]) -> list[str]:
    found = ["Location"] if name in ("cancelPayment", "verifyPayment") else []
    if "Idempotency-Key" in sent:
        found += ["Location", "Idempotency-Replayed"]
    if "Prefer" in sent:
        found.append("Preference-Applied")
    if "before" in sent:
        found.append("Link")
    return found


def _codes(document: Mapping[str, Any]) -> list[str]:
    """The codes that at least one operation can return, in the order of `KINDS`."""
    found = {
        code
        for operation in _operations(document)
        for response in operation["responses"].values()
        for code in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", ())
    }
    return [code for code in KINDS if code in found]


def _problem_example(code: str) -> dict[str, Any]:
    errors = [{"pointer": "/amount", "code": "field_required", "detail": "Field required"}]
    problem = Problem(code, errors=errors if code == "validation_failed" else ())
    return {
        "summary": problem.kind.title,
        "description": HELP[code],
        "value": problem.document(_INSTANCE),
    }
