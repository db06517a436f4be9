"""The operators' kinds, as the test on a cluster defines them from the vendored schemas."""

from typing import Any

import pytest

from tests.k8s.rendered import OVERLAYS, overlay
from tests.k8s_e2e.overlays import BUILT_IN, definitions, structural

pytestmark = pytest.mark.k8s


def test_every_custom_kind_of_the_overlays_is_defined() -> None:
    made = {f"{each['spec']['group']} {each['spec']['names']['kind']}" for each in definitions()}
    used = {
        f"{each['apiVersion'].partition('/')[0]} {each['kind']}"
        for name in OVERLAYS
        for each in overlay(name)
        if "." in each["apiVersion"]
    }
    assert made == {each for each in used if each.split()[0] not in BUILT_IN}


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "string", "maxLength": 3}, {"type": "string", "maxLength": 3}),
        ({"type": ["integer", "string"]}, {"x-kubernetes-int-or-string": True}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        (
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {"a": {"type": "null"}},
            },
            {"type": "object", "properties": {"a": {"type": "null"}}},
        ),
        ({"type": "object"}, {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        ({}, {"x-kubernetes-preserve-unknown-fields": True}),
        (
            {"type": "array", "items": {"type": ["integer", "string"]}},
            {"type": "array", "items": {"x-kubernetes-int-or-string": True}},
        ),
    ],
)
def test_a_schema_is_written_in_the_form_of_a_definition(
    schema: dict[str, Any], made: dict[str, Any]
) -> None:
    assert structural(schema) == made
