"""Rules for every overlay that no schema can state."""

import re

import pytest

from cift_shared.rails.local import local_rails
from cift_shared.runtime.http_server import STOP_S_MAX
from cift_shared.security.secret_files import SUFFIX
from tests.k8s.rendered import (
    BY_OPERATORS,
    OVERLAYS,
    ROOT,
    SERVICES,
    all_workloads,
    container_of,
    named,
    of_kind,
    overlay,
    pod_of,
    settings_of,
)
from tests.k8s.service_settings import EVERY, SETTINGS, known, missing
from tests.k8s.workloads import workloads

pytestmark = [pytest.mark.k8s, pytest.mark.parametrize("name", OVERLAYS)]
NAME, PART_OF = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
DIGEST = re.compile(r"[^:@]+(:\d+)?(/[^:@]+)*@sha256:[0-9a-f]{64}")


def test_every_rail_has_its_worker(name: str) -> None:
    found = {named(each) for each in of_kind(name, *SERVICES)}
    assert found == {each.name for each in workloads()}
    assert {rail.worker for rail in local_rails().values()} <= found


def test_pods_fit_the_restricted_standard(name: str) -> None:
    namespaces = of_kind(name, "Namespace")
    assert [
        each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for each in namespaces
    ] == ["restricted"]
    for each in all_workloads(name):
        pod = pod_of(each)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (container_of(each), *pod.get("initContainers", ())):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert not any("hostPath" in volume for volume in pod["volumes"])


def test_no_pod_has_a_token_of_the_cluster(name: str) -> None:
    accounts = {named(each): each for each in of_kind(name, "ServiceAccount")}
    for each in all_workloads(name):
        assert pod_of(each)["automountServiceAccountToken"] is False
        account = accounts[pod_of(each)["serviceAccountName"]]
        assert named(account) == named(each)
        assert account["automountServiceAccountToken"] is False


def test_every_container_limits_its_memory(name: str) -> None:
    for each in all_workloads(name):
        resources = container_of(each)["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}
        assert resources["limits"].keys() == {"memory"}


def test_a_pod_has_longer_to_end_than_the_process_needs(name: str) -> None:
    for each in of_kind(name, *SERVICES):
        before = container_of(each).get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        needed = before.get("seconds", 0) + STOP_S_MAX
        assert pod_of(each)["terminationGracePeriodSeconds"] >= needed + 5, named(each)


def test_services_are_probed_at_the_ops_port(name: str) -> None:
    for each in of_kind(name, *SERVICES):
        container = container_of(each)
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert str(ports["ops"]) == settings_of(name, each)["CIFT_OPS_PORT"]
        paths = {
            probe: container[probe]["httpGet"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {
            "startupProbe": {"path": "/healthz", "port": "ops"},
            "livenessProbe": {"path": "/healthz", "port": "ops"},
            "readinessProbe": {"path": "/readyz", "port": "ops"},
        }


def test_the_ops_port_is_not_public(name: str) -> None:
    [service] = [each for each in of_kind(name, "Service") if named(each) == "gateway"]
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]


def test_a_disruption_leaves_a_replica(name: str) -> None:
    budgets = {named(each): each["spec"] for each in of_kind(name, "PodDisruptionBudget")}
    for each in of_kind(name, *SERVICES):
        budget = budgets[named(each)]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"]["matchLabels"] == {NAME: named(each)}


def test_selectors_match_their_own_pods_only(name: str) -> None:
    for each in of_kind(name, *SERVICES):
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"] == {NAME: named(each)}
        assert labels[NAME] == named(each)
        for spread in pod_of(each)["topologySpreadConstraints"]:
            assert spread["labelSelector"]["matchLabels"] == {NAME: named(each)}
    for each in of_kind(name, "Service"):
        assert each["spec"]["selector"] == {NAME: named(each)}


def test_consumers_keep_their_names(name: str) -> None:
    services = {named(each): each["spec"] for each in of_kind(name, "Service")}
    for each in of_kind(name, "StatefulSet"):
        assert each["spec"]["serviceName"] == named(each)
        assert services[named(each)]["clusterIP"] == "None"


def test_every_setting_exists_and_none_is_missing(name: str) -> None:
    for each in all_workloads(name):
        kinds = SETTINGS.get(named(each), ())
        given = settings_of(name, each)
        assert given.keys() - known(EVERY) == set(), named(each)
        assert missing(kinds, given) == [], named(each)
        assert given["KAFKA_SASL_USERNAME"] == named(each)


def test_secrets_come_as_files(name: str) -> None:
    secret = {each.removesuffix(SUFFIX) for each in known(EVERY) if each.endswith(SUFFIX)}
    for each in all_workloads(name):
        assert not secret & settings_of(name, each).keys(), named(each)
        assert "secretKeyRef" not in str(each)
        files = [value for key, value in settings_of(name, each).items() if key.endswith(SUFFIX)]
        mounts = container_of(each)["volumeMounts"]
        folders = tuple(f"{one['mountPath']}/" for one in mounts if one.get("readOnly"))
        assert all(value.startswith(folders) for value in files)


def test_keys_of_personal_data_are_not_given_to_jobs(name: str) -> None:
    for each in all_workloads(name):
        assert ("cift-keys" in str(pod_of(each)["volumes"])) == (each["kind"] in SERVICES)


def test_nothing_connects_unless_a_policy_allows_it(name: str) -> None:
    policies = {named(each): each["spec"] for each in of_kind(name, "NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for each in policies.values():
        for rule in each.get("egress", ()):
            assert rule.get("to") or rule.get("ports"), "a rule without limits allows everything"


def test_only_workers_reach_providers_and_never_a_private_network(name: str) -> None:
    calling = {
        named(each)
        for each in all_workloads(name)
        if each["spec"]["template"]["metadata"]["labels"].get("cift.markets/calls") == "providers"
    }
    assert calling == {each.worker for each in local_rails().values()} - {"crypto-watcher"}
    [policy] = [
        each["spec"] for each in of_kind(name, "NetworkPolicy") if named(each) == "providers"
    ]
    (chosen,) = policy["podSelector"]["matchExpressions"]
    assert (chosen["operator"], chosen["values"]) == ("In", ["providers", "nodes"])
    [rule] = policy["egress"]
    assert rule["ports"] == [{"port": 443, "protocol": "TCP"}]
    refused = set(rule["to"][0]["ipBlock"]["except"])
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= refused


def test_named_ports_of_policies_exist(name: str) -> None:
    ports = {
        port["name"] for each in of_kind(name, *SERVICES) for port in container_of(each)["ports"]
    }
    asked = {
        port["port"]
        for each in of_kind(name, "NetworkPolicy")
        for rule in (*each["spec"].get("ingress", ()), *each["spec"].get("egress", ()))
        for port in rule.get("ports", ())
        if isinstance(port["port"], str)
    }
    assert asked <= ports


def test_kafka_and_postgres_are_encrypted(name: str) -> None:
    for each in all_workloads(name):
        assert settings_of(name, each)["KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
    for kafka in of_kind(name, "Kafka"):
        for listener in kafka["spec"]["kafka"]["listeners"]:
            assert listener["tls"] is True
            assert listener["authentication"] == {"type": "scram-sha-512"}
        assert kafka["spec"]["kafka"]["authorization"] == {"type": "simple"}
    assert len(of_kind(name, "Kafka")) == (name in BY_OPERATORS)


def test_only_prod_moves_real_money_and_only_by_digest(name: str) -> None:
    is_prod = name == "prod"
    for each in all_workloads(name):
        assert (settings_of(name, each)["CIFT_MODE"] == "live") == is_prod
        image = container_of(each)["image"]
        assert not image.endswith(":latest")
        assert bool(DIGEST.fullmatch(image)) == is_prod, image


def test_prod_takes_images_from_one_list(name: str) -> None:
    images = {container_of(each)["image"] for each in all_workloads(name)}
    names = {re.split(r"[:@]", image)[0].rpartition("/")[2] for image in images}
    assert names == {each.name for each in workloads()} - {"crypto-signer"}  # the watcher's image


def test_only_the_signer_has_the_wallet_and_a_copy_that_it_alone_may_read(name: str) -> None:
    holders = [each for each in all_workloads(name) if "CRYPTO_WALLET" in str(pod_of(each))]
    assert [named(each) for each in holders] == ["crypto-signer"]
    [copies] = pod_of(holders[0])["initContainers"]
    target = settings_of(name, holders[0])["CRYPTO_WALLET_FILE"]
    assert copies["command"][:3] == ["install", "-m", "0600"]
    assert copies["command"][-1] == target
    [volume] = [each for each in pod_of(holders[0])["volumes"] if each["name"] == "wallet"]
    assert volume["emptyDir"]["medium"] == "Memory"
    assert holders[0]["spec"]["replicas"] == 1


def test_an_upgrade_begins_with_the_jobs_and_all_that_belongs_to_no_service(name: str) -> None:
    """The commands of docs/kubernetes.md leave out every service, and nothing else."""
    guide = (ROOT / "docs" / "kubernetes.md").read_text()
    [workers] = re.findall(r'^workers="([a-z, -]+)"$', guide, re.MULTILINE)
    services = {named(each) for each in of_kind(name, *SERVICES)}
    assert {"ledger", *workers.split(", "), "gateway"} == services
    for each in overlay(name):
        label = each["metadata"].get("labels", {}).get(NAME)
        assert each["kind"] != "ConfigMap" or label is None
        assert each["kind"] not in (*SERVICES, "Job") or label == named(each)


def test_no_object_is_empty(name: str) -> None:
    assert all(each["metadata"]["name"] for each in overlay(name))
