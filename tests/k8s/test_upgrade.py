"""What `make k8s-e2e` applies for each release in an upgrade."""

import re
from pathlib import Path

import pytest
import yaml

from cift_shared.observability import metrics
from tests.k8s.rendered import K8S, ROOT, SERVICES, pod_of, rendered
from tests.k8s_e2e import upgrade
from tests.k8s_e2e.platform import PROGRAMS
from tests.k8s_e2e.releases import NAME_FILE, THIS, Release

pytestmark = pytest.mark.k8s


def test_the_earlier_release_is_one_commit() -> None:
    assert re.fullmatch(r"[0-9a-f]{40}\n", NAME_FILE.read_text())


def test_a_release_is_rendered_with_its_own_images_and_the_runs_settings(tmp_path: Path) -> None:
    layer = Release(ROOT, "older").layer({"MPESA_INITIATOR_NAME": "somebody"}, tmp_path / "layer")
    documents = rendered(layer)
    pods = [pod_of(each) for each in documents if each["kind"] in (*SERVICES, "Job")]
    own = {one["image"].partition(":")[2] for pod in pods for one in pod["containers"]}
    relays = {one["image"] for pod in pods for one in pod.get("initContainers", ())
              if one["name"] == "relay"}  # fmt: skip
    assert own == {"older"}
    assert relays <= {f"cift/provider-sandbox:{THIS.tag}"}
    maps = [each["data"] for each in documents if each["kind"] == "ConfigMap"]
    assert any(each.get("MPESA_INITIATOR_NAME") == "somebody" for each in maps)


def test_the_ledgers_lag_is_found_among_its_metrics() -> None:
    metrics.CONSUMER_LAG.labels("payments.results", "ledger").set(7)
    metrics.CONSUMER_LAG.labels("payments.results", "another").set(9)
    text = metrics.exposition()[0].decode()
    assert "7.0" in upgrade.LAG.findall(text)
    assert "9.0" not in upgrade.LAG.findall(text)


def test_every_program_is_in_the_payers_pod() -> None:
    [payer] = yaml.safe_load_all((K8S / "stand-ins" / "payer.yaml").read_text())
    [volume] = pod_of(payer)["volumes"]
    mounted = {item["key"] for item in volume["configMap"]["items"]}
    assert {file.name for file in PROGRAMS.glob("*.py")} - {"__init__.py"} <= mounted
