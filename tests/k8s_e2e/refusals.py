"""What the cluster has to refuse: connections, pods, passwords."""

import json
from collections.abc import Callable
from typing import Any

from tests.k8s_e2e.credentials import Credentials
from tests.k8s_e2e.kube import (
    AROUND,
    PLATFORM,
    ClusterError,
    execute,
    get,
    kubectl,
    pods_of,
    put_secret,
    refusal,
    rolled_out,
)
from tests.k8s_e2e.platform import PROGRAMS
from tests.k8s_e2e.steps import Report
from tests.k8s_e2e.waiting import until

REACH = (PROGRAMS / "reach.py").read_text()
POSTGRES, KAFKA = f"postgres.{AROUND}.svc", f"kafka.{AROUND}.svc"
TWINS, NODE = f"provider-sandbox.{AROUND}.svc", f"bitcoin-node.{AROUND}.svc"
MARKETS = f"markets.{AROUND}.svc"
API = "kubernetes.default.svc"
CONNECTIONS = (
    # from, to, port, is it allowed?
    ("gateway", POSTGRES, 5432, True),
    ("gateway", KAFKA, 9093, True),
    ("gateway", TWINS, 8090, False),
    ("gateway", NODE, 8332, False),
    ("gateway", API, 443, False),
    ("ledger", POSTGRES, 5432, True),
    ("ledger", TWINS, 8090, False),
    ("ledger", "gateway", 80, False),
    ("card-worker", TWINS, 8090, True),
    ("card-worker", NODE, 8332, False),
    ("card-worker", "gateway", 80, False),
    ("card-worker", API, 443, False),
    ("mpesa-worker", TWINS, 8090, True),
    ("mpesa-worker", "paypal-worker", 9100, False),
    ("paypal-worker", NODE, 8332, False),
    ("crypto-watcher", NODE, 8332, True),
    ("crypto-watcher", MARKETS, 8091, True),
    ("crypto-watcher", TWINS, 8090, False),
    ("crypto-signer", POSTGRES, 5432, True),
    ("crypto-signer", KAFKA, 9093, False),
    ("crypto-signer", NODE, 8332, False),
)
PRIVILEGED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "privileged", "namespace": PLATFORM},
    "spec": {
        "containers": [
            {
                "name": "it",
                "image": "cift/gateway:e2e",
                "command": ["sleep", "1"],
                "securityContext": {"privileged": True},
            }
        ]
    },
}


def reach(workload: str, host: str, port: int) -> bool:
    """Tell whether a pod of a workload can connect to an address."""
    pod = pods_of(workload)[0]
    words = ("python", "-c", REACH, host, str(port))
    return execute(pod, *words, container="service").strip() == "reached"


def connections(report: Report) -> None:
    """Every connection that a policy allows can be made, and no other."""
    wrong = []
    for workload, host, port, allowed in CONNECTIONS:
        if reach(workload, host, port) is not allowed:
            wrong.append(f"{workload} to {host}:{port}: {'refused' if allowed else 'reached'}")
    refused = sum(not allowed for *_, allowed in CONNECTIONS)
    report.note("connections", {"allowed": len(CONNECTIONS) - refused, "refused": refused})
    report.check(not wrong, f"network policies: {wrong}")


def pods_beyond_the_standard(report: Report) -> None:
    """A privileged pod is refused by the namespace's standard."""
    said = refusal("create", "--filename=-", given=json.dumps(PRIVILEGED))
    report.check("violates PodSecurity" in said, f"a privileged pod: {said or 'was accepted'}")
    report.note("privileged_pod", {"refused": bool(said)})


def rights_of_logins(report: Report) -> None:
    """The database refuses another service's table to a login, and an unencrypted connection."""
    words = ("psql", "--host=/tmp", "--username=card-worker", "--dbname=cift", "-qtA", "-c")
    for statement in ("select * from gateway.api_key", "select * from mpesa.attempt"):
        try:
            execute("postgres-0", *words, statement, namespace=AROUND)
            report.check(False, f"card-worker may {statement}")
        except ClusterError as error:
            report.check("permission denied" in str(error), f"{statement}: {error}")
    plain = ("psql", "host=postgres sslmode=disable user=card-worker dbname=cift", "-c", "select 1")
    try:
        execute("postgres-0", *plain, namespace=AROUND)
        report.check(False, "PostgreSQL accepts a connection without TLS")
    except ClusterError as error:
        report.check("no encryption" in str(error), f"a connection without TLS: {error}")
    report.note("database_rights", {"refused": 3})


def wrong_secret(report: Report, credentials: Credentials, is_paid: Callable[[], bool]) -> None:
    """With a wrong password a worker does not become ready; with the right one it goes on."""
    name = "card-worker"
    right = credentials.database_url(name)
    put_secret(name, {"DATABASE_URL": right.replace(credentials.password(name), "wrong")})
    pod = pods_of(name)[0]
    kubectl("delete", "pod", pod, "--namespace", PLATFORM)
    until(lambda: _log_of(pod) != "", f"a log of {pod}", within_s=120)
    until(lambda: "password" in _log_of(pod), f"{pod} names the password", within_s=120)
    log = _log_of(pod)
    report.check(credentials.password(name) not in log, "a password is in a log")
    report.check(get("statefulset", name)["status"].get("readyReplicas", 0) == 0, f"{pod} is ready")
    put_secret(name, {"DATABASE_URL": right})
    kubectl("delete", "pod", pod, "--namespace", PLATFORM)
    rolled_out(f"statefulset/{name}")
    report.check(is_paid(), "no payment by card after the right secret came back")
    report.note("wrong_secret", {"told_in_log": True})


def _log_of(pod: str) -> str:
    try:
        words = ("logs", pod, "--namespace", PLATFORM, "--container", "service", "--tail=100")
        return kubectl(*words)
    except ClusterError:
        return ""
