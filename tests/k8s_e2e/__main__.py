"""Run the whole test on the cluster of KUBECONFIG; the last line is JSON with the figures.

python -m tests.k8s_e2e [STEP ...]      all steps, or the named ones

Exit status: 0 if everything was as it should be, 1 if not, 2 if it can't run here.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from cift_shared.rails.local import local_rails
from tests.k8s.rendered import ROOT
from tests.k8s_e2e import approval, books, images, kube, overlays, platform, refusals, steps
from tests.k8s_e2e.credentials import Credentials
from tests.k8s_e2e.kube import ClusterError
from tests.k8s_e2e.releases import THIS, Release, previous
from tests.k8s_e2e.steps import Report, under_load
from tests.k8s_e2e.upgrade import Upgrade
from tests.upgrade.release import NoHistory

FOLDER = ROOT / ".cift" / "k8s-e2e"
CUSTOMER = "cus_k8s"
UNAVAILABLE = r" 503: "
"""How requests fail while the database is away: the gateway says so."""
CUT = r" \w+Error: "
"""How requests fail that a killed gateway had taken: their connections are cut."""
NOT_HERE = """{error}
make k8s-e2e needs a cluster, a container engine and the project's history: set KUBECONFIG, or as
root start a cluster with deploy/k8s/local-cluster/build.sh and up.sh (docs/kubernetes.md)."""


@dataclass
class Run:
    """One run and what its steps share."""

    report: Report
    credentials: Credentials
    old: Release | None = None
    """The release that is upgraded; None: this one is started at once."""
    api_key: str = ""

    def steps(self) -> dict[str, Callable[[], None]]:
        """Every step under its name, in order."""
        report = self.report
        return {
            "upgrade": self.upgrade,
            "demo": self.demo,
            "approval": self.approval,
            "connections": partial(refusals.connections, report),
            "standard": partial(refusals.pods_beyond_the_standard, report),
            "rights": partial(refusals.rights_of_logins, report),
            **self._rolling_updates(),
            **self._kills(),
            "evictions": self.evictions,
            "bad-images": self.bad_images,
            "wrong-secret": partial(
                refusals.wrong_secret, report, self.credentials, self.card_works
            ),
            "postgres": partial(
                self.load,
                "postgres_killed",
                partial(steps.kill_server, "postgres"),
                may_fail=UNAVAILABLE,
            ),
            "kafka": partial(self.load, "kafka_killed", partial(steps.kill_server, "kafka")),
            "dry-run": partial(overlays.dry_run, report),
            "books": partial(books.agree, report, self.credentials),
        }

    def load(self, name: str, event: Callable[[], None], *, may_fail: str = "") -> None:
        """Pay while something happens."""
        under_load(self.report, name, self.api_key, event, may_fail=may_fail)

    def _rolling_updates(self) -> dict[str, Callable[[], None]]:
        return {
            f"update-{_short(each)}": partial(
                self.load, f"update_{_short(each)}", partial(steps.restart, each)
            )
            for each in platform.workloads()
        }

    def _kills(self) -> dict[str, Callable[[], None]]:
        return {
            f"kill-{_short(each)}": partial(
                self.load,
                f"kill_{_short(each)}",
                partial(steps.kill, each),
                may_fail=CUT if _short(each) == "gateway" else "",
            )
            for each in platform.workloads()
        }

    def start(self) -> None:
        """Bring up everything, of the earlier release if it is to be upgraded."""
        started = time.monotonic()
        overlays.remove()
        platform.remove()
        platform.bring_up(self.credentials, self._layer(self.old or THIS))
        self.api_key = platform.api_key(self.credentials, "m_k8s")
        self.report.note("up", {"seconds": round(time.monotonic() - started)})

    def _layer(self, release: Release) -> Path:
        return release.layer(self.credentials.settings(), FOLDER / release.tag)

    def upgrade(self) -> None:
        """From the earlier release to this one, back, and forward again."""
        assert self.old
        layers = {"old_layer": self._layer(self.old), "new_layer": self._layer(THIS)}
        shared = (self.report, self.credentials, self.api_key)
        Upgrade(*shared, old=self.old, new=THIS, **layers).run()

    def demo(self) -> None:
        """Pay by every rail; each payment has to end as the demo says."""
        *made, balances = platform.demo(self.api_key, CUSTOMER)
        wrong = [each for each in made if each["status"] != each["expected"]]
        available = {name: Decimal(amount) for name, amount in balances["available"].items()}
        self.report.note("demo", {"payments": len(made), "wrong": len(wrong), **balances})
        self.report.check(not wrong, f"payments of the demo: {wrong}")
        self.report.check(available == expected(), f"balances after the demo: {balances}")

    def approval(self) -> None:
        """A large withdrawal of the demo's customer."""
        approval.approval(self.report, self.credentials, self.api_key, CUSTOMER)

    def card_works(self) -> bool:
        """Tell whether the platform takes payments, by a short load."""
        self.load("after_wrong_secret", lambda: time.sleep(2))
        return self.report.figures["after_wrong_secret"]["lost"] == 0

    def evictions(self) -> None:
        """Drain gateway and ledger, of which there are two pods each."""
        for name in ("gateway", "ledger"):
            self.load(f"drain_{name}", partial(steps.drain, self.report, name))

    def bad_images(self) -> None:
        """A release with an image that does not exist, and its roll-back."""
        for workload in ("deployment/gateway", "statefulset/ledger"):
            name = f"bad_image_{_short(workload)}"
            self.load(name, partial(steps.bad_image, self.report, workload))


def expected() -> dict[str, Decimal]:
    """The customer's balance after the demo, by currency."""
    total: dict[str, Decimal] = {}
    for rail in local_rails().values():
        for currency, amount in rail.final_balance.items():
            total[currency] = total.get(currency, Decimal(0)) + amount
    return total


def _short(workload: str) -> str:
    return workload.partition("/")[2]


def built(report: Report, old: Release | None) -> None:
    """Build the images and load them into the cluster.

    Raises:
        ClusterError: no cluster answers.
        RuntimeError: no container engine answers, or an image can't be built or loaded.
    """
    report.figures["kubernetes"] = kube.version()
    took: dict[str, int] = {}
    with _timed(took, "build"):
        made = images.build_all()
    earlier: list[str] = []
    if old:
        with _timed(took, "build_earlier"):
            earlier = images.build_services(old)
    with _timed(took, "load"):
        images.load(made + earlier)
    report.note("images_seconds", took)
    report.note("images_mb", images.sizes(made))


@contextlib.contextmanager
def _timed(took: dict[str, int], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    took[name] = round(time.monotonic() - started)


def main(chosen: Sequence[str]) -> int:
    """Run the steps; returns the exit status."""
    started, report = time.monotonic(), Report()
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        old = previous(FOLDER) if not chosen or "upgrade" in chosen else None
        built(report, old)
    except (ClusterError, NoHistory, RuntimeError) as error:
        print(NOT_HERE.format(error=error), file=sys.stderr)
        return 2
    run = Run(report, Credentials(FOLDER), old)
    if _try(report, "start", run.start):
        for name, step in run.steps().items():
            if not chosen or name in chosen:
                _try(report, name, step)
    summary = {"ok": not report.problems, **report.figures, "problems": report.problems}
    print(json.dumps({**summary, "seconds": round(time.monotonic() - started)}))
    return 0 if not report.problems else 1


def _try(report: Report, name: str, step: Callable[[], None]) -> bool:
    print(f"{time.strftime('%T')} {name}", flush=True)
    try:
        step()
    except (ClusterError, TimeoutError) as error:
        report.check(False, f"{name}: {error}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
