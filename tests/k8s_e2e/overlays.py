"""A dry run of every overlay by the API server itself, with the operators' kinds installed.

The kinds are defined by the vendored schemas of `deploy/k8s/schemas`, without the operators.
"""

import json
import re
from typing import Any

import yaml

from tests.k8s.rendered import OVERLAYS, Document, of_kind, overlay
from tests.k8s.schemas import FOLDER
from tests.k8s_e2e.kube import create_namespace, kubectl, refusal
from tests.k8s_e2e.steps import Report

CUSTOM = re.compile(r"(?P<group>[a-z.-]+\.[a-z.-]+)_(?P<version>v\w+)_(?P<kind>\w+)")
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
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": structural(schema)},
    }
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
            "versions": [served],
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
    """Let the API server check every object of every overlay, without storing it."""
    made = definitions()
    given = yaml.safe_dump_all(made)
    kubectl("apply", "--server-side", "--filename=-", given=given)
    kubectl("wait", "--for=condition=Established", "crd", "--selector=" + "=".join(*LABEL.items()))
    objects = 0
    for name in OVERLAYS:
        documents = overlay(name)
        objects += len(documents)
        [namespace] = of_kind(name, "Namespace")
        create_namespace(namespace["metadata"]["name"])
        words = (
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
        )
        said = refusal(*words, "--filename=-", given=yaml.safe_dump_all(documents))
        report.check(said == "", f"overlay {name}: {said[:2000]}")
    report.note("dry_run", {"overlays": len(OVERLAYS), "objects": objects, "kinds": len(made)})


def remove() -> None:
    """Remove the kinds, and the namespaces of the other overlays."""
    kubectl("delete", "crd", "--selector=" + "=".join(*LABEL.items()), "--ignore-not-found")
    for name in OVERLAYS:
        [namespace] = of_kind(name, "Namespace")
        if name != "e2e":
            kubectl("delete", "namespace", namespace["metadata"]["name"], "--ignore-not-found")
