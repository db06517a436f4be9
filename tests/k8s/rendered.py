"""What kustomize makes of an overlay.

python -m tests.k8s.rendered      makes sure that there is a program which renders; names it
"""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cift_local.errors import LocalStackError

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"
OVERLAYS = tuple(sorted(each.name for each in (K8S / "overlays").iterdir()))
BY_OPERATORS = tuple(name for name in OVERLAYS if name != "e2e")
"""The overlays whose Kafka and PostgreSQL are made by Strimzi and CloudNativePG."""
STAND_INS = K8S / "stand-ins"
SERVICES = ("Deployment", "StatefulSet")
VERSION = "v5.7.1"
KUBECTL_MIN = (5, 5)
"""The oldest kustomize inside kubectl with which the manifests were rendered: kubectl 1.32's."""
MOUNT = "/run/secrets/cift/"
"""The folder of a workload's Secret, in its pods."""
TOOLS = ROOT / ".cift" / "k8s"

Document = dict[str, Any]


@cache
def renderer() -> tuple[str, ...]:
    """The command that renders a folder: kubectl's kustomize if it is new enough, else our own.

    Raises:
        LocalStackError: neither kubectl nor Go is installed, or kustomize can't be built.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is not None:
        argv = [kubectl, "version", "--client", "--output=json"]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        told = re.search(r'"kustomizeVersion": "v(\d+)\.(\d+)', done.stdout)
        if told and (int(told[1]), int(told[2])) >= KUBECTL_MIN:
            return kubectl, "kustomize"
    return str(_own_kustomize()), "build"


def _own_kustomize() -> Path:
    """The program, built once from its Go module; Go's checksum database vouches for its source."""
    program = TOOLS / f"kustomize-{VERSION}" / "kustomize"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise LocalStackError("install kubectl 1.32 or newer, or Go 1.24 or newer for kustomize")
    argv = [go, "install", f"sigs.k8s.io/kustomize/kustomize/v5@{VERSION}"]
    variables = {**os.environ, "GOBIN": str(program.parent), "CGO_ENABLED": "0"}
    done = subprocess.run(argv, env=variables, check=False, capture_output=True, text=True)
    if done.returncode:
        raise LocalStackError(f"kustomize {VERSION} could not be built:\n{done.stderr}")
    return program


def overlay(name: str) -> tuple[Document, ...]:
    """Every object of an overlay."""
    return rendered(K8S / "overlays" / name)


@cache
def rendered(folder: Path) -> tuple[Document, ...]:
    """Every object of a folder with a kustomization."""
    argv = [*renderer(), str(folder)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(name: str, *kinds: str) -> list[Document]:
    """The objects of these kinds in an overlay."""
    return [each for each in overlay(name) if each["kind"] in kinds]


def named(document: Document) -> str:
    """The name of an object."""
    found: str = document["metadata"]["name"]
    return found


def all_workloads(name: str) -> list[Document]:
    """The services and jobs of an overlay."""
    return of_kind(name, *SERVICES, "Job")


def pod_of(workload: Document) -> Document:
    """The pod's specification of a workload."""
    spec: Document = workload["spec"]["template"]["spec"]
    return spec


def container_of(workload: Document) -> Document:
    """The one container of a workload of ours."""
    [container] = pod_of(workload)["containers"]
    found: Document = container
    return found


def settings_of(name: str, workload: Document) -> dict[str, str]:
    """The environment of a workload, from the ConfigMaps it names."""
    maps = {each["metadata"]["name"]: each.get("data") or {} for each in of_kind(name, "ConfigMap")}
    container = container_of(workload)
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        found |= maps[source["configMapRef"]["name"]]
    return found | {each["name"]: each.get("value", "") for each in container.get("env", ())}


def files_of(name: str, workload: Document) -> set[str]:
    """The keys of its Secret that a workload reads, by its settings or in an init container."""
    commands = [each["command"] for each in pod_of(workload).get("initContainers", ())]
    texts = [*settings_of(name, workload).values(), *(word for one in commands for word in one)]
    return {text.removeprefix(MOUNT) for text in texts if text.startswith(MOUNT)}


if __name__ == "__main__":
    try:
        print("rendering with", *renderer())
    except LocalStackError as error:
        sys.exit(str(error))
