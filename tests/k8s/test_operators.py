"""Rules for the overlays that use every operator."""

import re

import pytest

from cift_shared.messaging.topics import all_topics
from tests.k8s.generated import UNSCALED
from tests.k8s.rendered import (
    ROOT,
    all_workloads,
    files_of,
    named,
    of_kind,
    pod_of,
    settings_of,
)
from tests.k8s.workloads import workloads

pytestmark = [pytest.mark.k8s, pytest.mark.parametrize("name", ["prod", "staging"])]
BY_OPERATORS = {"cift-kafka-cluster-ca-cert", "cift-postgres-ca"}
"""Secrets that Strimzi and CloudNativePG make."""
GUIDE = ROOT / "docs" / "kubernetes.md"
AUTHORITIES = {"kafka.crt", "postgres.crt"}
"""Files from the operators' Secrets."""


def test_every_secret_is_made_by_somebody(name: str) -> None:
    made = {named(each) for each in of_kind(name, "ExternalSecret")}
    mounted = {
        source["secret"]["name"]
        for each in all_workloads(name)
        for volume in pod_of(each)["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
    }
    users = {named(each) for each in of_kind(name, "KafkaUser")}
    assert (mounted | users) - BY_OPERATORS <= made


def test_scaling_stays_below_the_partitions(name: str) -> None:
    scalers = {named(each): each["spec"] for each in of_kind(name, "ScaledObject")}
    partitions = {each.name: each.partitions for each in all_topics()}
    assert scalers.keys() == {each.name for each in workloads()} - UNSCALED
    for each in of_kind(name, "StatefulSet"):
        assert ("replicas" in each["spec"]) == (named(each) in UNSCALED), named(each)
    for each in scalers.values():
        assert each["minReplicaCount"] >= 2
        read = [partitions[trigger["metadata"]["topic"]] for trigger in each["triggers"]]
        assert each["maxReplicaCount"] <= min(read)
    [card] = [each for each in of_kind(name, "StatefulSet") if named(each) == "card-worker"]
    assert (
        int(settings_of(name, card)["CIFT_CARD_REPLICAS"])
        >= scalers["card-worker"]["maxReplicaCount"]
    )


def test_the_guide_lists_every_key_of_the_secrets(name: str) -> None:
    guide = GUIDE.read_text()
    [keys] = re.findall(r"^\| `cift-keys` \| (.*) \|$", guide, re.MULTILINE)
    for each in all_workloads(name):
        mine = " ".join(re.findall(rf"^\|.*`{named(each)}`.*\|$", guide, re.MULTILINE))
        every = " ".join(re.findall(r"^\| each service.*\|$", guide, re.MULTILINE))
        files = files_of(name, each) - AUTHORITIES
        unlisted = {file for file in files if f"`{file}`" not in keys + mine + every}
        assert unlisted == set(), named(each)
