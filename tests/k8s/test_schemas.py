"""Every object fits the schema of its kind, without unknown fields; an unknown kind is an error."""

import json
from functools import cache

import jsonschema_rs
import pytest

from tests.k8s.rendered import OVERLAYS, STAND_INS, Document, overlay, rendered
from tests.k8s.schemas import file_of, strict

pytestmark = pytest.mark.k8s


@cache
def validator(api_version: str, kind: str) -> jsonschema_rs.Validator:
    file = file_of(api_version, kind)
    assert file.exists(), f"no schema for {api_version} {kind}; see deploy/k8s/schemas/ORIGIN.md"
    return jsonschema_rs.validator_for(json.loads(file.read_text()))


def problems(document: Document) -> list[str]:
    """What is wrong with an object."""
    name = f"{document['kind']} {document['metadata']['name']}"
    errors = validator(document["apiVersion"], document["kind"]).iter_errors(document)
    return [f"{name}: {'/'.join(map(str, each.instance_path))}: {each.message}" for each in errors]


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_fits_its_schema(name: str) -> None:
    assert [problem for document in overlay(name) for problem in problems(document)] == []


def test_the_stand_ins_of_the_cluster_test_fit_their_schemas() -> None:
    assert [problem for document in rendered(STAND_INS) for problem in problems(document)] == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("StatefulSet", ("spec", "replicaz"), 2),
        (
            "StatefulSet",
            ("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"),
            "x",
        ),
        ("KafkaUser", ("spec", "authentication", "type"), "plain"),
        ("ScaledObject", ("spec", "triggers", 0, "metadata", "lagThreshold"), 100),
        ("Cluster", ("spec", "postgresql", "synchronous", "method"), "all"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "expression"), "up"),
    ],
)
def test_a_wrong_field_is_found(kind: str, path: tuple[str | int, ...], value: object) -> None:
    document = json.loads(
        json.dumps(next(each for each in overlay("prod") if each["kind"] == kind))
    )
    assert problems(document) == []
    *parents, last = path
    target = document
    for part in parents:
        target = target[part]
    target[last] = value
    assert problems(document)


def test_only_the_outer_schema_refuses_unknown_fields() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "anyOf": [{"required": ["a"]}],
    }
    assert strict(schema)["additionalProperties"] is False
    assert "additionalProperties" not in strict(schema)["anyOf"][0]
