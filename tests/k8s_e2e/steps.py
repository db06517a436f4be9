"""What is done to the platform under load, one function for each kind of event.

Each returns figures for the report; a rule that does not hold is in `problems`.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.k8s_e2e.kube import (
    AROUND,
    PLATFORM,
    get,
    kubectl,
    pods,
    pods_of,
    refusal,
    rolled_out,
)
from tests.k8s_e2e.load import Load
from tests.k8s_e2e.waiting import until

NO_SUCH_IMAGE = "cift/none:none"
NOTICED_WITHIN_S = 120
SEES_IMAGE_FAIL = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"})


@dataclass
class Report:
    """The figures of the run, and what was not as it should be."""

    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def check(self, is_so: bool, what: str) -> None:
        """Note a problem unless something is so."""
        if not is_so:
            self.problems.append(what)
            print(f"PROBLEM {what}", flush=True)

    def note(self, name: str, figures: Mapping[str, Any]) -> None:
        """Note figures."""
        self.figures[name] = dict(figures)
        print(f"{name}: {json.dumps(figures)}", flush=True)


def under_load(
    report: Report, name: str, api_key: str, event: Callable[[], None], *, may_fail: str = ""
) -> None:
    """Let something happen under load; every accepted payment has to be paid in the end.

    Args:
        report: gets the figures.
        name: of the step, in the report.
        api_key: of the merchant that pays.
        event: what happens.
        may_fail: a pattern for the failures that the event may cause; empty: none may fail.
    """
    started = time.monotonic()
    with Load(api_key) as load:
        event()
    found = load.outcome
    figures = {
        "seconds": round(time.monotonic() - started),
        "requests": found.sent,
        "failed": len(found.failures),
        "lost": found.lost,
        "slowest_s": found.slowest_s,
    }
    report.note(name, figures)
    wrong = [each for each in found.failures if not (may_fail and re.search(may_fail, each))]
    report.check(not wrong, f"{name}: {len(wrong)} requests failed: {wrong[:5]}")
    report.check(found.lost == 0, f"{name}: payments ended as {found.states}")


def restart(workload: str) -> None:
    """A rolling update to pods with another annotation."""
    kubectl("rollout", "restart", workload, "--namespace", PLATFORM)
    rolled_out(workload)


def kill(workload: str, *, namespace: str = PLATFORM) -> None:
    """Delete a pod without its time to end, and wait until another one is ready in its place."""
    name = workload.partition("/")[2]
    first, *_ = pods(name, namespace=namespace)
    pod, uid = first["metadata"]["name"], first["metadata"]["uid"]
    words = ("--namespace", namespace, "--force", "--grace-period=0")
    kubectl("delete", "pod", pod, *words)
    is_replaced = partial(_is_replaced, name, uid, namespace)
    until(is_replaced, f"a pod in place of {pod}", within_s=NOTICED_WITHIN_S)
    rolled_out(workload, namespace=namespace)


def _is_replaced(name: str, uid: str, namespace: str) -> bool:
    found = pods(name, namespace=namespace)
    return bool(found) and all(
        pod["metadata"]["uid"] != uid and _is_ready(pod["status"]) for pod in found
    )


def _is_ready(status: Mapping[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    return conditions.get("Ready") == "True"


def evict(pod: str) -> str:
    """Ask to evict a pod as a drain does; "" if it is allowed, else the API's reason."""
    metadata = {"name": pod, "namespace": PLATFORM}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{PLATFORM}/pods/{pod}/eviction"
    return refusal("create", "--raw", path, "--filename=-", given=json.dumps(body))


def _is_evicted(pod: str) -> bool:
    return evict(pod) == ""


def drain(report: Report, name: str) -> None:
    """Evict all pods of a workload: the budget allows one, and the next once it is replaced."""
    first, *others = pods_of(name)
    report.check(evict(first) == "", f"{name}: the first eviction was refused")
    for pod in others:
        said = evict(pod)
        report.check("disruption budget" in said, f"{name}: two pods at once may go: {said!r}")
    kind = "deployment" if name == "gateway" else "statefulset"
    rolled_out(f"{kind}/{name}")
    for pod in others:
        until(partial(_is_evicted, pod), f"the eviction of {pod}", within_s=NOTICED_WITHIN_S)
        rolled_out(f"{kind}/{name}")


def bad_image(report: Report, workload: str) -> None:
    """Roll out an image that does not exist, see that its pods fail, and take the release back."""
    name = workload.partition("/")[2]
    before = ready(workload)
    image = ("set", "image", workload, f"service={NO_SUCH_IMAGE}", "--namespace", PLATFORM)
    kubectl(*image)
    until(
        lambda: _waits_for_image(name),
        f"a pod of {name} without an image",
        within_s=NOTICED_WITHIN_S,
    )
    report.check(
        ready(workload) >= before - (workload[0] == "s"),
        f"{workload}: a bad image left {ready(workload)} of {before} ready",
    )
    kubectl("rollout", "undo", workload, "--namespace", PLATFORM)
    # a StatefulSet does not replace a pod that never became ready by itself
    for pod in pods_of(name):
        if _image_missing(pod):
            kubectl("delete", "pod", pod, "--namespace", PLATFORM, "--wait=false")
    rolled_out(workload)


def ready(workload: str) -> int:
    """How many of a workload's pods are ready."""
    kind, _, name = workload.partition("/")
    found: int = get(kind, name)["status"].get("readyReplicas", 0)
    return found


def _waits_for_image(name: str) -> bool:
    return any(_image_missing(pod) for pod in pods_of(name))


def _image_missing(pod: str) -> bool:
    statuses = get("pod", pod)["status"].get("containerStatuses", ())
    reasons = {each["state"].get("waiting", {}).get("reason") for each in statuses}
    return bool(reasons & SEES_IMAGE_FAIL)


def kill_server(name: str) -> None:
    """Kill PostgreSQL or Kafka."""
    kill(f"statefulset/{name}", namespace=AROUND)
