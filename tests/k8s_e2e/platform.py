"""Bring up servers, twins and the platform, in the order of a first deployment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.k8s.rendered import K8S, SERVICES, named, of_kind
from tests.k8s_e2e import servers
from tests.k8s_e2e.credentials import FROM_TWINS, NODES, OVERLAY, TWINS, Credentials
from tests.k8s_e2e.kube import (
    AROUND,
    PLATFORM,
    apply,
    completed,
    create_namespace,
    execute,
    kubectl,
    pods_of,
    put_secret,
    rolled_out,
)
from tests.k8s_e2e.releases import Release

PROGRAMS = Path(__file__).parent / "programs"
CLIENT = K8S.parent / "local" / "src" / "cift_local"
STAND_INS = (
    "postgres",
    "kafka",
    "provider-sandbox",
    "bitcoin-node",
    "ethereum-node",
    "markets",
    "payer",
)


def remove() -> None:
    """Remove what an earlier run has left."""
    words = ("delete", "namespace", PLATFORM, AROUND, "--ignore-not-found", "--timeout=180s")
    kubectl(*words)


def bring_up(credentials: Credentials, layer: Path) -> None:
    """Start everything, and wait until all pods are ready.

    Args:
        credentials: of the run.
        layer: the folder of a release that kustomize renders.

    Raises:
        ClusterError: a step failed or took too long.
    """
    start_stand_ins(credentials)
    servers.create_logins(credentials)
    servers.grant_topics()
    create_secrets(credentials, twins_files())
    kubectl("apply", "--kustomize", str(layer))
    completed("migrate")
    completed("topics")
    servers.grant_roles()
    for workload in workloads():
        rolled_out(workload)


def workloads() -> list[str]:
    """The platform's services as `statefulset/ledger`, the gateway last."""
    found = of_kind(OVERLAY, *SERVICES)
    return sorted(
        (f"{each['kind'].lower()}/{named(each)}" for each in found),
        key=lambda name: (name[0] == "d", name),
    )


def start_stand_ins(credentials: Credentials) -> None:
    """PostgreSQL, Kafka, twins and payer with their Secrets."""
    create_namespace(AROUND)
    certificate, key = credentials.server("postgres")
    password = credentials.stack["CIFT_CALLBACK_KEY"]
    values = {"password": password, "tls.crt": certificate, "tls.key": key}
    put_secret("postgres", values, namespace=AROUND)
    values = {"server.pem": "".join(reversed(credentials.server("kafka")))}
    put_secret("kafka", {**values, "users": credentials.kafka_users()}, namespace=AROUND)
    put_secret("provider-sandbox", credentials.twins(), namespace=AROUND)
    put_secret("nodes", credentials.twins(), namespace=AROUND)
    put_programs(credentials)
    kubectl("apply", "--kustomize", str(K8S / "stand-ins"))
    for name in STAND_INS:
        rolled_out(f"statefulset/{name}", namespace=AROUND)


def put_programs(credentials: Credentials) -> None:
    """The payer's programs, with the local stack's client for merchants."""
    files = [*PROGRAMS.glob("*.py"), CLIENT / "customer.py", CLIENT / "scenario.py"]
    data = {file.name: file.read_text() for file in files}
    data["wallet-public.json"] = credentials.wallet_public
    metadata = {"name": "payer", "namespace": AROUND}
    apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def twins_files() -> dict[str, str]:
    """What the twins have written for the workers, by the name that the workers' Secrets use."""
    return {
        name: execute(
            "provider-sandbox-0", "cat", f"/state/{file}", container="twins", namespace=AROUND
        )
        for name, file in FROM_TWINS.items()
    }


def create_secrets(credentials: Credentials, from_twins: Mapping[str, str]) -> None:
    """The platform's Secrets, as docs/kubernetes.md lists them."""
    create_namespace(PLATFORM)
    put_secret("cift-kafka-cluster-ca-cert", {"ca.crt": credentials.authority})
    put_secret("cift-postgres-ca", {"ca.crt": credentials.authority})
    put_secret("cift-keys", credentials.keys())
    for each in of_kind(OVERLAY, *SERVICES, "Job"):
        put_secret(named(each), credentials.of_workload(named(each), from_twins))


def cift(
    credentials: Credentials, *words: str, within: str = "gateway", login: str = "migrate"
) -> str:
    """Run the `cift` command in a pod of a service, by default as the owner of the database."""
    url = f"DATABASE_URL={credentials.database_url(login)}"
    pod = pods_of(within)[0]
    return execute(
        pod, "env", "--unset=DATABASE_URL_FILE", url, "cift", *words, container="service"
    ).strip()


def api_key(credentials: Credentials, merchant: str) -> str:
    """A new API key of a merchant."""
    return cift(credentials, "api-key", "create", "--merchant", merchant, "--name", "k8s-e2e")


def payer_of(release: Release) -> None:
    """Let the payer pay by the rails that a release knows."""
    image = f"payer=cift/gateway:{release.tag}"
    kubectl("set", "image", "statefulset/payer", image, "--namespace", AROUND)
    rolled_out("statefulset/payer", namespace=AROUND)


def movements() -> list[dict[str, Any]]:
    """Every movement of money in the twins' records."""
    words = ("python", "/programs/book.py", TWINS, *NODES.values())
    found: list[dict[str, Any]] = json.loads(
        execute("payer-0", *words, container="payer", namespace=AROUND)
    )
    return found


def demo(key: str, customer: str) -> list[dict[str, Any]]:
    """Make the demo's payments of every rail; returns what each step was, and the balances."""
    words = ("env", f"CIFT_API_KEY={key}", "python", "/programs/demo.py", customer)
    said = execute("payer-0", *words, container="payer", namespace=AROUND)
    return [json.loads(line) for line in said.splitlines()]
