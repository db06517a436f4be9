"""The OpenAPI document says all there is to say, and is the one that is published."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from gateway.openapi.text import TAGS
from gateway.problems.help import HELP
from gateway.problems.problem import KINDS
from tests.api_docs.documents import OPENAPI, ROOT, openapi_document, text_of
from tests.api_docs.tools import CLIENTS_LOCK, HERE, only_pins

DOCUMENT = openapi_document()
ASSETS = ROOT / "services" / "gateway" / "src" / "gateway" / "openapi" / "docs_assets"


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb} {path}", operation


def test_published_document_is_current() -> None:
    assert OPENAPI.read_text() == text_of(DOCUMENT), "make openapi"


def test_every_operation_has_a_name_a_summary_and_one_tag() -> None:
    ids = []
    for name, operation in operations():
        ids.append(operation["operationId"])
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", ids[-1]), name
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        assert len(operation["tags"]) == 1, name
        assert operation["tags"][0] in TAGS, name
    assert len(set(ids)) == len(ids) > 20


def test_every_parameter_and_header() -> None:
    for name, operation in operations():
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter)
            place = "example" in parameter, "examples" in parameter["schema"]
            assert place == (parameter["required"], not parameter["required"]), (name, parameter)
            assert "null" not in json.dumps(parameter["schema"]), (name, parameter)
    for name, header in DOCUMENT["components"]["headers"].items():
        assert header["description"], name
        assert "example" in header, name


def test_every_field_has_a_description_and_examples() -> None:
    fields = 0
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
        for field, about in schema["properties"].items():
            assert about.get("description", "").endswith("."), (name, field)
            assert "$ref" in about or about["examples"], (name, field)
            assert "default" not in about or not name.endswith("Request"), (name, field)
            fields += 1
    assert fields > 150


def test_every_body_and_answer() -> None:
    for name, operation in operations():
        if body := operation.get("requestBody"):
            assert body["description"], name
            assert body["content"]["application/json"]["examples"], name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            assert answer["description"] != "Successful Response", (name, status)
            assert "X-Request-Id" in answer["headers"]
            for media in answer.get("content", {}).values():
                assert "example" in media or media["examples"], (name, status)


def test_every_problem_has_a_help_text_and_an_example() -> None:
    assert HELP.keys() == KINDS.keys()
    for code, told in HELP.items():
        assert re.fullmatch(r"[A-Z][^\n]+\.", told), code
    shown = {name.removeprefix("problem_") for name in DOCUMENT["components"]["examples"]}
    before_any_operation = {"http_malformed", "head_too_large", "method_not_allowed"}
    assert shown == KINDS.keys() - before_any_operation


@pytest.mark.parametrize("name", ["swagger-ui-bundle.js", "swagger-ui.css"])
def test_vendored_file_is_the_one_that_is_noted(name: str) -> None:
    digest = sha256((ASSETS / name).read_bytes()).hexdigest()
    assert f"| `{name}` | {digest} |" in (ASSETS / "ORIGIN.md").read_text()


def test_locks_hold_hashes_and_no_addresses() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    assert lock == only_pins(lock)
    for name, package in lock["packages"].items():
        assert name == "" or package["integrity"].startswith("sha512-"), name
    assert "://" not in (HERE / "package-lock.json").read_text()
    assert "://" not in CLIENTS_LOCK.read_text()
    assert "--hash=sha256:" in CLIENTS_LOCK.read_text()
