"""The manifests that follow from the code: topics, Kafka users, logins, scalers, secrets, alerts.

python -m tests.k8s.generated      writes them (`make k8s-manifests`)
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cift_shared.messaging.topics import Topic, all_topics
from tests.k8s.workloads import JOBS, Workload, workloads

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPONENTS = DEPLOY / "k8s" / "components"
MONITORING = DEPLOY / "monitoring"
HEADER = "# Generated from the code by `make k8s-manifests`; changes are lost.\n"
CLUSTER = {"strimzi.io/cluster": "cift-kafka"}
BOOTSTRAP = "cift-kafka-kafka-bootstrap:9093"
REPLICAS_MIN, REPLICAS_MAX = 2, 4
UNSCALED = frozenset({"gateway", "crypto-signer", "crypto-watcher"})
"""The gateway scales with its CPU; the work of the other two follows the chain, not a topic."""
LAG = {"ledger": 2000}
"""Records per replica at which another one starts: a few seconds of its work."""
LAG_OF_WORKERS = 100


def topic(known: Topic) -> dict[str, Any]:
    """The KafkaTopic of a topic; its name may contain what a name in Kubernetes may not."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": known.name.replace("_", "-"), "labels": CLUSTER},
        "spec": {
            "topicName": known.name,
            "partitions": known.partitions,
            "replicas": 3,
            "config": {
                "cleanup.policy": "delete",
                "retention.ms": known.retention_ms,
                "min.insync.replicas": 2,
            },
        },
    }


def user(workload: Workload) -> dict[str, Any]:
    """The KafkaUser of a workload: it reads and writes its own topics, and nothing else."""
    reads = sorted({topic for _, topic in workload.reads})
    groups = sorted({group for group, _ in workload.reads})
    rules = [
        *(_rule("topic", name, "Read", "Describe") for name in reads),
        *(_rule("topic", name, "Write", "Describe") for name in workload.all_writes),
        *(_rule("group", name, "Read", "Describe") for name in groups),
    ]
    return _user(workload.name, rules)


def scaling_user() -> dict[str, Any]:
    """The KafkaUser by which KEDA looks at the lag of every group."""
    return _user("keda", [_rule("topic", "*", "Describe"), _rule("group", "*", "Describe")])


def _user(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    password = {"secretKeyRef": {"name": name, "key": "KAFKA_SASL_PASSWORD"}}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": name, "labels": CLUSTER},
        "spec": {
            "authentication": {"type": "scram-sha-512", "password": {"valueFrom": password}},
            "authorization": {"type": "simple", "acls": rules},
        },
    }


def _rule(kind: str, name: str, *operations: str) -> dict[str, Any]:
    resource = {"type": kind, "name": name, "patternType": "literal"}
    return {"resource": resource, "operations": list(operations)}


def logins() -> dict[str, Any]:
    """A patch of the database's Cluster: the owner, and a login for each workload in its roles."""
    roles = [
        {
            "name": workload.name,
            "ensure": "present",
            "login": True,
            "inRoles": workload.roles,
            "passwordSecret": {"name": workload.name},
        }
        for workload in workloads()
    ]
    owner = {"name": "migrate", "ensure": "present", "login": True, "createrole": True}
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "cift-postgres"},
        "spec": {
            "managed": {"roles": [{**owner, "passwordSecret": {"name": "migrate"}}, *roles]},
        },
    }


def scaler(workload: Workload) -> dict[str, Any]:
    """The ScaledObject of a consumer."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": workload.name},
        "spec": {
            "scaleTargetRef": {"kind": "StatefulSet", "name": workload.name},
            # never 0: polls, time limits and notices need a process without any command
            "minReplicaCount": REPLICAS_MIN,
            "maxReplicaCount": REPLICAS_MAX,
            "cooldownPeriod": 300,
            "fallback": {"failureThreshold": 3, "replicas": REPLICAS_MIN},
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "behavior": {
                        "scaleDown": {
                            "stabilizationWindowSeconds": 300,
                            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                        }
                    }
                }
            },
            "triggers": [
                _trigger(group, name, LAG.get(workload.name, LAG_OF_WORKERS))
                for group, name in workload.command_groups
            ],
        },
    }


def _trigger(group: str, name: str, lag: int) -> dict[str, Any]:
    return {
        "type": "kafka",
        "authenticationRef": {"name": "kafka"},
        "metadata": {
            "bootstrapServers": BOOTSTRAP,
            "consumerGroup": group,
            "topic": name,
            "sasl": "scram_sha512",
            "tls": "enable",
            "lagThreshold": str(lag),
            "offsetResetPolicy": "earliest",
            "allowIdleConsumers": "false",
            "limitToPartitionsWithLag": "true",
            "excludePersistentLag": "true",
        },
    }


def secret(name: str, kind: str = "Opaque") -> dict[str, Any]:
    """The ExternalSecret that fills the Secret of this name."""
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": "cift"},
            "target": {
                "template": {"type": kind, "metadata": {"labels": {"cnpg.io/reload": "true"}}}
            },
            "dataFrom": [{"extract": {"key": f"cift/{name}"}}],
        },
    }


def secrets() -> Iterator[dict[str, Any]]:
    """Every Secret; one that holds a database login has the type that CloudNativePG asks for."""
    with_login = ["migrate", *(workload.name for workload in workloads())]
    yield from (secret(name, "kubernetes.io/basic-auth") for name in sorted(with_login))
    others = {*JOBS, "cift-keys", "keda", "postgres-backup"} - set(with_login)
    yield from (secret(name) for name in sorted(others))


def alerts() -> dict[str, Any]:
    """The PrometheusRule with the recorded ratios and the alerts of `deploy/monitoring`."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "cift"},
        "spec": yaml.safe_load((MONITORING / "rules.yml").read_text()),
    }


def dashboards() -> Iterator[dict[str, Any]]:
    """A ConfigMap for each dashboard, with the label by which Grafana's sidecar finds it."""
    for file in sorted((MONITORING / "dashboards").glob("*.json")):
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"dashboard-{file.stem}",
                "labels": {"grafana_dashboard": "1"},
            },
            "data": {file.name: file.read_text()},
        }


def files() -> dict[Path, str]:
    """Each generated file and what it should hold."""
    known = workloads()
    return {
        COMPONENTS / "kafka-strimzi" / "topics.yaml": _text(*map(topic, all_topics())),
        COMPONENTS / "kafka-strimzi" / "users.yaml": _text(
            *(user(one) for one in known if one.all_writes), scaling_user()
        ),
        COMPONENTS / "postgres-cnpg" / "logins.yaml": _text(logins()),
        COMPONENTS / "keda" / "scalers.yaml": _text(
            *(scaler(one) for one in known if one.name not in UNSCALED)
        ),
        COMPONENTS / "external-secrets" / "secrets.yaml": _text(*secrets()),
        COMPONENTS / "monitoring" / "alerts.yaml": _text(alerts()),
        COMPONENTS / "monitoring" / "dashboards.yaml": _text(*dashboards()),
    }


def _text(*documents: dict[str, Any]) -> str:
    # copies, or YAML would show an object that occurs twice as an anchor
    copies = json.loads(json.dumps(documents))
    return HEADER + yaml.safe_dump_all(copies, sort_keys=False, width=110)


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
