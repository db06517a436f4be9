"""An upgrade of the earlier release as docs/kubernetes.md says it, under load; back, and forward.

the earlier release serves
-> this release's migrations and topics while its pods serve
-> ledger, workers, gateway of this release
-> gateway, workers, ledger of the earlier release on the new schema
-> this release again
"""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.k8s_e2e import platform, servers
from tests.k8s_e2e.credentials import Credentials
from tests.k8s_e2e.kube import PLATFORM, completed, execute, get, kubectl, pods_of, rolled_out
from tests.k8s_e2e.releases import Release
from tests.k8s_e2e.steps import Report, under_load
from tests.k8s_e2e.waiting import until

NAME = "app.kubernetes.io/name"
"""The label with a workload's name: what has none, such as a ConfigMap, belongs to all."""
GATEWAY, LEDGER = "deployment/gateway", "statefulset/ledger"
SETTLES_S = 10
"""How long payments are made in a state of the platform before the next step."""
METRICS = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9100/metrics').read().decode())"
)
LAG = re.compile(r'^cift_kafka_lag_records\{.*group="ledger".*\} (\S+)$', re.MULTILINE)
READ_WITHIN_S = 120


@dataclass
class Upgrade:
    """One upgrade; each release with the folder that kustomize renders."""

    report: Report
    credentials: Credentials
    api_key: str
    old: Release
    old_layer: Path
    new: Release
    new_layer: Path

    def run(self) -> None:
        """Pay by every rail in each state of the platform, and while it changes."""
        platform.payer_of(self.old)
        events: dict[str, Callable[[], None]] = {
            "old": lambda: None,
            "migrated": self.migrate,
            "forward": self.forward,
            "back": self.back,
            "forward_again": self.forward,
        }
        try:
            for name, event in events.items():
                self._pay_while(f"upgrade_{name}", event)
        finally:
            platform.payer_of(self.new)
        letters = servers.dead_letters()
        self.report.note("upgrade", {"from": self.old.revision, "dead_letters": letters})
        self.report.check(letters == 0, f"{letters} dead letters after the upgrade")

    def migrate(self) -> None:
        """The migrations and topics of the new release, and what belongs to no service."""
        kubectl("delete", "job", "migrate", "topics", "--namespace", PLATFORM, "--ignore-not-found")
        _apply(self.new_layer, f"{NAME} notin (ledger, {_workers()}, gateway)")
        completed("migrate")
        completed("topics")
        servers.grant_roles()
        self._all_are(self.old)

    def forward(self) -> None:
        """Who reads a message before who sends it: the ledger, the workers, the gateway."""
        _apply(self.new_layer, f"{NAME} notin ({_workers()}, gateway)")
        rolled_out(LEDGER)
        _apply(self.new_layer, f"{NAME} != gateway")
        for name in _workers().split(", "):
            rolled_out(f"statefulset/{name}")
        kubectl("apply", "--kustomize", str(self.new_layer))
        rolled_out(GATEWAY)
        self._all_are(self.new)

    def back(self) -> None:
        """The services of the earlier release in the reverse order; the schema stays."""
        _apply(self.old_layer, f"{NAME} = gateway")
        rolled_out(GATEWAY)
        _apply(self.old_layer, f"{NAME} in ({_workers()})")
        for name in _workers().split(", "):
            rolled_out(f"statefulset/{name}")
        until(_ledger_has_read_all, "the end of the results' topic", within_s=READ_WITHIN_S)
        _apply(self.old_layer, f"{NAME} = ledger")
        rolled_out(LEDGER)
        self._all_are(self.old)
        platform.cift(self.credentials, "verify-books")  # the earlier release's own

    def _pay_while(self, name: str, event: Callable[[], None]) -> None:
        by_every_rail = partial(_by_every_rail, self.report, name, self.api_key, event)
        under_load(self.report, name, self.api_key, by_every_rail)

    def _all_are(self, release: Release) -> None:
        """Every pod of a service runs a release's image, and is ready."""
        names = [each.partition("/")[2] for each in platform.workloads()]
        tags = {tag for name in names for tag in _tags_of(name)}
        self.report.check(tags == {release.tag}, f"pods of {tags} instead of {release.tag}")


def _apply(layer: Path, selector: str) -> None:
    kubectl("apply", "--kustomize", str(layer), "--selector", selector)


def _workers() -> str:
    """The workers' names as a selector takes them."""
    names = [each for each in platform.workloads() if each not in (GATEWAY, LEDGER)]
    return ", ".join(each.partition("/")[2] for each in names)


def _tags_of(workload: str) -> set[str]:
    containers = [
        container
        for pod in pods_of(workload)
        for container in get("pod", pod)["spec"]["containers"]
        if container["name"] == "service"
    ]
    return {container["image"].rpartition(":")[2] for container in containers}


def _ledger_has_read_all() -> bool:
    """Tell whether no result waits: those that new workers sent are read by the new ledger."""
    lags = []
    for pod in pods_of("ledger"):
        lags += LAG.findall(execute(pod, "python", "-c", METRICS, container="service"))
    return bool(lags) and sum(map(float, lags)) == 0


def _by_every_rail(report: Report, name: str, api_key: str, event: Callable[[], None]) -> None:
    """Make the demo's payments of every rail again and again while something happens."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        paying = pool.submit(_demos, name, api_key, over)
        try:
            event()
            time.sleep(SETTLES_S)
        finally:
            over.set()
        made = paying.result()
    wrong = [each for each in made if each["status"] != each["expected"]]
    report.note(f"{name}_by_every_rail", {"payments": len(made), "wrong": len(wrong)})
    report.check(not wrong, f"{name}: payments of the demo: {wrong}")


def _demos(name: str, api_key: str, over: threading.Event) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    while not made or not over.is_set():
        *steps, _ = platform.demo(api_key, f"cus_{name}_{len(made)}")
        made += steps
    return made
