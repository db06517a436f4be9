"""kubectl, on the cluster that KUBECONFIG names."""

import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from cift_local.ports import LOOPBACK
from tests.k8s_e2e.waiting import until

PLATFORM, AROUND = "cift-e2e", "cift-stand-ins"
"""The namespaces of the platform, and of servers, twins and payer."""
Object = dict[str, Any]


class ClusterError(Exception):
    """The cluster refused something, or did not do it in time."""


@cache
def version() -> str:
    """The version of the cluster's API server.

    Raises:
        ClusterError: there is no kubectl, or no cluster answers.
    """
    if shutil.which("kubectl") is None:
        raise ClusterError("there is no kubectl on PATH")
    done = _call("version", "--output=json", "--request-timeout=10s")
    said = json.loads(done.stdout or "{}")
    if "serverVersion" not in said:
        raise ClusterError(f"no cluster answers: {done.stderr.strip()}")
    found: str = said["serverVersion"]["gitVersion"]
    return found


def kubectl(*words: str, given: str | None = None, within_s: float = 600) -> str:
    """Run a command; returns its output.

    Raises:
        ClusterError: it failed.
    """
    done = _call(*words, given=given, within_s=within_s)
    if done.returncode:
        raise ClusterError(f"kubectl {' '.join(words[:6])}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def refusal(*words: str, given: str | None = None) -> str:
    """Run a command that must fail; returns what it said, "" if it succeeded."""
    done = _call(*words, given=given)
    return done.stderr.strip() if done.returncode else ""


def _call(
    *words: str, given: str | None = None, within_s: float = 600
) -> subprocess.CompletedProcess[str]:
    argv = ["kubectl", *words]
    return subprocess.run(
        argv, check=False, capture_output=True, text=True, input=given, timeout=within_s
    )


def get(kind: str, name: str = "", *, namespace: str = PLATFORM) -> Object:
    """An object, or a list of all of a kind."""
    words = ["get", kind, *([name] if name else []), "--namespace", namespace, "--output=json"]
    found: Object = json.loads(kubectl(*words))
    return found


def apply(*objects: Object) -> None:
    """Create or change objects."""
    kubectl("apply", "--filename=-", given=yaml.safe_dump_all(objects))


def create_namespace(name: str) -> None:
    """Create a namespace if it does not exist; the labels of one that does stay as they are."""
    if not kubectl("get", "namespace", name, "--ignore-not-found", "--output=name"):
        kubectl("create", "namespace", name)


def put_secret(name: str, values: dict[str, str], *, namespace: str = PLATFORM) -> None:
    """Create or change a Secret."""
    metadata = {"name": name, "namespace": namespace}
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values})


def rolled_out(workload: str, *, namespace: str = PLATFORM, within_s: float = 420) -> None:
    """Wait until every pod of a workload is new and ready.

    Raises:
        ClusterError: that takes longer; the message shows the pods.
    """
    words = ("rollout", "status", workload, "--namespace", namespace, f"--timeout={within_s:.0f}s")
    try:
        kubectl(*words, within_s=within_s + 30)
    except ClusterError as error:
        pods = kubectl("get", "pods", "--namespace", namespace)
        raise ClusterError(f"{error}\n{pods}") from None


def completed(job: str, *, within_s: float = 300) -> None:
    """Wait until a job has succeeded."""
    wait = ("wait", "--for=condition=Complete", f"job/{job}", f"--timeout={within_s:.0f}s")
    kubectl(*wait, "--namespace", PLATFORM, within_s=within_s + 30)


def execute(
    pod: str, *words: str, container: str = "", namespace: str = PLATFORM, given: str | None = None
) -> str:
    """Run a program in a pod; returns its output."""
    inside = ["--container", container] if container else []
    stdin = ["--stdin"] if given is not None else []
    argv = ["exec", pod, "--namespace", namespace, *inside, *stdin, "--", *words]
    return kubectl(*argv, given=given)


def pods(workload: str, *, namespace: str = PLATFORM) -> list[Object]:
    """A workload's pods that do not end."""
    selector = f"--selector=app.kubernetes.io/name={workload}"
    said = kubectl("get", "pods", "--namespace", namespace, selector, "--output=json")
    return [
        each
        for each in json.loads(said)["items"]
        if "deletionTimestamp" not in each["metadata"] and each["status"]["phase"] != "Failed"
    ]


def pods_of(workload: str, *, namespace: str = PLATFORM) -> list[str]:
    """The names of a workload's pods that do not end."""
    return sorted(each["metadata"]["name"] for each in pods(workload, namespace=namespace))


@contextlib.contextmanager
def forwarded(pod: str, port: int, *, namespace: str) -> Iterator[None]:
    """A port of a pod's loopback as the same port of this machine's."""
    argv = ["kubectl", "port-forward", "--namespace", namespace, pod, f"{port}:{port}"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            until(lambda: _answers(port), f"a connection to port {port} of {pod}", within_s=30)
            yield
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2):
            return True
    except OSError:
        return False
