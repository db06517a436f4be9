"""Write the JSON schemas of `deploy/k8s/schemas`: Kubernetes' own kinds, and custom resources.

python -m tests.k8s.schemas FILE...   (`make k8s-schemas`)

The files are Kubernetes' OpenAPI 2 description (swagger.json) and CustomResourceDefinitions. Only
the kinds in `KINDS` are written, without descriptions and status, and strict: a field that the
schema does not name is an error.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "k8s" / "schemas"
KINDS = frozenset(
    {
        "v1/ConfigMap",
        "v1/Namespace",
        "v1/Service",
        "v1/ServiceAccount",
        "apps/v1/Deployment",
        "apps/v1/StatefulSet",
        "autoscaling/v2/HorizontalPodAutoscaler",
        "barmancloud.cnpg.io/v1/ObjectStore",
        "batch/v1/Job",
        "cert-manager.io/v1/Certificate",
        "external-secrets.io/v1/ExternalSecret",
        "gateway.networking.k8s.io/v1/Gateway",
        "gateway.networking.k8s.io/v1/HTTPRoute",
        "kafka.strimzi.io/v1/Kafka",
        "kafka.strimzi.io/v1/KafkaNodePool",
        "kafka.strimzi.io/v1/KafkaTopic",
        "kafka.strimzi.io/v1/KafkaUser",
        "keda.sh/v1alpha1/ScaledObject",
        "keda.sh/v1alpha1/TriggerAuthentication",
        "monitoring.coreos.com/v1/PodMonitor",
        "monitoring.coreos.com/v1/PrometheusRule",
        "networking.k8s.io/v1/Ingress",
        "networking.k8s.io/v1/NetworkPolicy",
        "policy/v1/PodDisruptionBudget",
        "postgresql.cnpg.io/v1/Cluster",
        "postgresql.cnpg.io/v1/ScheduledBackup",
        "scheduling.k8s.io/v1/PriorityClass",
    }
)
"""API version and kind of everything that the manifests contain."""
_KEPT = frozenset(
    {
        "type",
        "enum",
        "pattern",
        "format",
        "required",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
    }
    | {"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "$ref"}
)
_GROUPS = ("allOf", "anyOf", "oneOf")
_INT_OR_STRING = {"type": ["integer", "string"]}
_BY_KUBERNETES = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _INT_OR_STRING,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["number", "string"]},
}
"""Types that the description calls strings, though numbers are accepted."""


def file_of(api_version: str, kind: str) -> Path:
    """The file with the schema of a kind."""
    return FOLDER / f"{api_version.replace('/', '_')}_{kind}.json"


def strict(schema: Any, *, names_all: bool = True) -> dict[str, Any]:
    """A schema of a CRD or of Kubernetes as a strict JSON schema.

    `names_all` is False inside `allOf`, `anyOf`, `oneOf` and `not`: those restrict fields that the
    schema around them names.
    """
    if schema.get("x-kubernetes-int-or-string"):
        return dict(_INT_OR_STRING)
    found = {name: value for name, value in schema.items() if name in _KEPT}
    for name in _GROUPS:
        if name in schema:
            found[name] = [strict(each, names_all=False) for each in schema[name]]
    if "not" in schema:
        found["not"] = strict(schema["not"], names_all=False)
    if "items" in schema:
        found["items"] = strict(schema["items"], names_all=names_all)
    if "properties" in schema:
        found["properties"] = {
            name: strict(each, names_all=names_all) for name, each in schema["properties"].items()
        }
    if isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = strict(schema["additionalProperties"], names_all=names_all)
    elif (
        names_all
        and "properties" in schema
        and not schema.get("x-kubernetes-preserve-unknown-fields")
    ):
        found["additionalProperties"] = False
    if schema.get("nullable") and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


def custom(definition: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """API version, kind and schema of each served version of a CustomResourceDefinition."""
    spec = definition["spec"]
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        properties = {
            name: each
            for name, each in schema["properties"].items()
            if name not in ("status", "metadata")
        }
        found = strict({**schema, "properties": properties})
        found["properties"]["metadata"] = {"type": "object", "required": ["name"]}
        yield f"{spec['group']}/{version['name']}", spec["names"]["kind"], found


def built_in(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """API version, kind and schema of each of Kubernetes' own kinds, with what it refers to."""
    definitions = description["definitions"]
    for name, definition in definitions.items():
        for place in definition.get("x-kubernetes-group-version-kind", ()):
            api_version = "/".join(filter(None, (place["group"], place["version"])))
            if f"{api_version}/{place['kind']}" in KINDS:
                used = _reachable(name, definitions)
                yield api_version, place["kind"], {**used.pop(name), "definitions": used}


def _reachable(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    left = [name]
    while left:
        each = left.pop()
        if each in found:
            continue
        schema = dict(definitions[each])
        schema["properties"] = {
            key: value for key, value in schema.get("properties", {}).items() if key != "status"
        }
        if not schema["properties"]:
            del schema["properties"]
        found[each] = _BY_KUBERNETES.get(each) or strict(schema)
        left += [one.rpartition("/")[2] for one in _references(found[each])]
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)


def schemas_in(file: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """API version, kind and schema of everything that a file describes."""
    if file.suffix == ".json":
        yield from built_in(json.loads(file.read_text()))
        return
    for document in yaml.safe_load_all(file.read_text()):
        if document and document["kind"] == "CustomResourceDefinition":
            yield from custom(document)


def main() -> None:
    """Write the schemas of the files that are named as arguments."""
    for argument in sys.argv[1:]:
        for api_version, kind, schema in schemas_in(Path(argument)):
            if f"{api_version}/{kind}" in KINDS:
                text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
                file_of(api_version, kind).write_text(text + "\n")


if __name__ == "__main__":
    main()
