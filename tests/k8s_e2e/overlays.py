"""A dry run of every overlay by the API server itself, with the operators' kinds installed.

The kinds are defined by the vendored schemas of `deploy/k8s/schemas`, without the operators.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from tests.k8s.rendered import BY_OPERATORS, Document, named, of_kind, overlay
from tests.k8s.schemas import FOLDER
from tests.k8s_e2e.kube import create_namespace, kubectl, refusal
from tests.k8s_e2e.steps import Report
from tests.k8s_e2e.waiting import until

CUSTOM = re.compile(r"(?P<group>[a-z0-9-]+(\.[a-z0-9-]+)+)_(?P<version>v\w+)_(?P<kind>\w+)")
BUILT_IN = frozenset({"networking.k8s.io", "scheduling.k8s.io"})
LABEL = {"cift.markets/test": "k8s-e2e"}


def definitions() -> list[Document]:
    """A CustomResourceDefinition for each custom kind in the overlays."""
    found = []
    for file in sorted(FOLDER.glob("*.json")):
        matched = CUSTOM.fullmatch(file.stem)
        if matched and matched["group"] not in BUILT_IN:
            found.append(_definition(**matched.groupdict(), schema=json.loads(file.read_text())))
    return found


def _definition(group: str, version: str, kind: str, schema: dict[str, Any]) -> Document:
    plural = kind.lower() + "s"
    made = structural(schema)
    made["properties"].pop("metadata", None)  # the server knows it
    served = {"name": version, "served": True, "storage": True}
    # a group under k8s.io belongs to Kubernetes, which wants to know who has approved its kinds
    approved = {"api-approved.kubernetes.io": "unapproved, test-only"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "labels": LABEL, "annotations": approved},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{**served, "schema": {"openAPIV3Schema": made}}],
        },
    }


def structural(schema: dict[str, Any]) -> dict[str, Any]:
    """A strict JSON schema in the form of a CustomResourceDefinition, which is strict by itself."""
    found = {
        name: _inner(name, value) for name, value in schema.items() if not name.startswith("$")
    }
    if found.get("additionalProperties") is False:
        del found["additionalProperties"]
    kinds = found.get("type")
    if isinstance(kinds, list):
        del found["type"]
        if "null" in kinds:
            found |= {"nullable": True, "type": next(each for each in kinds if each != "null")}
        else:
            found["x-kubernetes-int-or-string"] = True
    if not {"type", "x-kubernetes-int-or-string"} & found.keys() or _is_open(found):
        found["x-kubernetes-preserve-unknown-fields"] = True
    return found


def _is_open(schema: dict[str, Any]) -> bool:
    return (
        schema.get("type") == "object"
        and not {"properties", "additionalProperties"} & schema.keys()
    )


def _inner(name: str, value: Any) -> Any:
    if name == "properties":
        return {key: structural(each) for key, each in value.items()}
    if name in ("items", "additionalProperties") and isinstance(value, dict):
        return structural(value)
    return value


def dry_run(report: Report) -> None:
    """Let the API server check every object of the other overlays, without storing it."""
    made = definitions()
    kubectl("apply", "--server-side", "--filename=-", given=yaml.safe_dump_all(made))
    until(_are_established, "the operators' kinds", within_s=60)
    objects = 0
    for name in BY_OPERATORS:
        documents = overlay(name)
        objects += len(documents)
        [namespace] = of_kind(name, "Namespace")
        create_namespace(named(namespace))
        said = _refused(documents)
        report.check(said == "", f"overlay {name}: {said[:2000]}")
    for document in (*_misspelt("prod", "KafkaTopic"), *_misspelt("prod", "StatefulSet")):
        report.check("misspelt" in _refused([document]), f"accepted: {named(document)}")
    report.note("dry_run", {"overlays": len(BY_OPERATORS), "objects": objects, "kinds": len(made)})


def _refused(documents: Sequence[Document]) -> str:
    words = ("apply", "--dry-run=server", "--validate=strict", "--filename=-")
    return refusal(*words, given=yaml.safe_dump_all(documents))


def _misspelt(name: str, kind: str) -> list[Document]:
    """The first object of a kind, with a field that the kind does not have."""
    first = of_kind(name, kind)[0]
    return [{**first, "spec": {**first["spec"], "misspelt": 1}}]


def _are_established() -> bool:
    wait = ("wait", "--for=condition=Established", "crd", "--timeout=10s")
    return refusal(*wait, "--selector=" + "=".join(*LABEL.items())) == ""


def remove() -> None:
    """Remove the kinds, and the namespaces of the other overlays."""
    kubectl("delete", "crd", "--selector=" + "=".join(*LABEL.items()), "--ignore-not-found")
    for name in BY_OPERATORS:
        [namespace] = of_kind(name, "Namespace")
        kubectl("delete", "namespace", namespace["metadata"]["name"], "--ignore-not-found")
