"""The generated manifests agree with the tables in the code."""

from pathlib import Path

import pytest
import yaml

from cift_shared.asyncapi.document import document
from cift_shared.cli.doctor.monitoring import JOB
from cift_shared.messaging import topics
from cift_shared.messaging.topics import DEAD_LETTER_SUFFIX, all_topics, dead_letter
from tests.k8s.generated import files
from tests.k8s.rendered import BY_OPERATORS, of_kind
from tests.k8s.workloads import workloads

pytestmark = pytest.mark.k8s
MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
WITH_MONITORING = ("staging", "prod")
FOR_OTHERS = {topics.EVENTS, topics.HEADS}
"""Topics that merchants' systems and auditors read; none of ours writes dead letters about them."""


def test_generated_files_are_up_to_date() -> None:
    outdated = [str(path) for path, text in files().items() if path.read_text() != text]
    assert not outdated, "run `make k8s-manifests`"


@pytest.mark.parametrize("name", BY_OPERATORS)
def test_every_topic_of_the_code_is_in_the_manifests_and_the_reverse(name: str) -> None:
    found = {
        each["spec"]["topicName"]: (
            each["spec"]["partitions"],
            each["spec"]["config"]["retention.ms"],
        )
        for each in of_kind(name, "KafkaTopic")
    }
    assert found == {each.name: (each.partitions, each.retention_ms) for each in all_topics()}


def test_every_topic_has_a_writer_and_a_reader() -> None:
    known = {each.name for each in all_topics()}
    written = {topic for each in workloads() for topic in each.all_writes}
    read = {topic for each in workloads() for _, topic in each.reads}
    assert written == known - {dead_letter(topics.EVENTS)}
    assert {each for each in known if not each.endswith(DEAD_LETTER_SUFFIX)} - read == FOR_OTHERS


def test_the_readers_are_those_of_the_published_document() -> None:
    operations = document()["operations"].values()
    received = {
        each["channel"]["$ref"].rpartition("/")[2]
        for each in operations
        if each["action"] == "receive"
    }
    assert {topic for each in workloads() for _, topic in each.reads} == received


@pytest.mark.parametrize("name", BY_OPERATORS)
def test_only_the_gateway_and_the_ledger_may_write_commands(name: str) -> None:
    writers = {
        user["metadata"]["name"]
        for user in of_kind(name, "KafkaUser")
        for rule in user["spec"]["authorization"]["acls"]
        if "Write" in rule["operations"]
        and rule["resource"]["name"].startswith(topics.commands(""))
        and not rule["resource"]["name"].endswith(DEAD_LETTER_SUFFIX)
    }
    assert writers == {"gateway", "ledger"}


@pytest.mark.parametrize("name", BY_OPERATORS)
def test_no_user_may_administer_topics(name: str) -> None:
    operations = {
        operation
        for user in of_kind(name, "KafkaUser")
        for rule in user["spec"]["authorization"]["acls"]
        for operation in rule["operations"]
    }
    assert operations == {"Read", "Write", "Describe"}


@pytest.mark.parametrize("name", WITH_MONITORING)
def test_the_cluster_has_every_alert_and_dashboard(name: str) -> None:
    [rule] = of_kind(name, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((MONITORING / "rules.yml").read_text())
    shown = {
        file: text
        for each in of_kind(name, "ConfigMap")
        if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
        for file, text in each["data"].items()
    }
    assert shown == {path.name: path.read_text() for path in MONITORING.glob("dashboards/*.json")}


@pytest.mark.parametrize("name", WITH_MONITORING)
def test_its_metrics_have_the_labels_that_alerts_select_by(name: str) -> None:
    [monitor] = of_kind(name, "PodMonitor")
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    labels = {each["targetLabel"]: each for each in endpoint["relabelings"]}
    assert labels["job"]["replacement"] == JOB
    source = "__meta_kubernetes_pod_label_app_kubernetes_io_name"
    assert labels["service"]["sourceLabels"] == [source]
