"""The overlay of `make k8s-e2e`, and the servers and twins around it."""

from decimal import Decimal
from pathlib import Path

import pytest

from bitcoin_method.demo import WITHDRAWAL
from tests.k8s.rendered import (
    BY_OPERATORS,
    SERVICES,
    STAND_INS,
    Document,
    all_workloads,
    named,
    of_kind,
    overlay,
    pod_of,
    rendered,
    settings_of,
)
from tests.k8s.service_settings import EVERY, known
from tests.k8s_e2e.approval import AMOUNT
from tests.k8s_e2e.credentials import Credentials

pytestmark = pytest.mark.k8s
E2E = "e2e"
RELAY = "provider_sandbox.relay"
NOT_IN_A_CLUSTER = {"MPESA_PULL_NOMINATED_NUMBER"}
"""Optional: switches on a job that the test does without."""


def around(kind: str) -> list[Document]:
    return [each for each in rendered(STAND_INS) if each["kind"] == kind]


def namespace_of(documents: tuple[Document, ...]) -> str:
    [found] = [named(each) for each in documents if each["kind"] == "Namespace"]
    return found


def test_their_pods_fit_the_restricted_standard() -> None:
    [namespace] = around("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for each in around("StatefulSet"):
        pod = pod_of(each)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_twins_are_nowhere_but_in_the_overlay_of_the_test() -> None:
    for name in BY_OPERATORS:
        assert "provider-sandbox" not in str(overlay(name))
        assert not any("API_BASE" in settings_of(name, each) for each in all_workloads(name))


def test_only_pods_that_call_others_have_a_relay() -> None:
    with_relay = {named(each) for each in all_workloads(E2E) if RELAY in str(pod_of(each))}
    calling = {
        named(each)
        for each in all_workloads(E2E)
        if "cift.markets/calls" in each["spec"]["template"]["metadata"]["labels"]
    }
    assert with_relay == calling


def test_relays_and_settings_name_services_that_exist() -> None:
    known = {f"{named(each)}.{namespace_of(rendered(STAND_INS))}.svc" for each in around("Service")}
    known |= {f"{named(each)}.{namespace_of(overlay(E2E))}.svc" for each in of_kind(E2E, "Service")}
    commands = [
        word
        for each in (*around("StatefulSet"), *of_kind(E2E, *SERVICES))
        for container in (*pod_of(each)["containers"], *pod_of(each).get("initContainers", ()))
        for word in container.get("command", ())
        if "=" in word
    ]
    targets = {word.partition("=")[2].rpartition(":")[0] for word in commands}
    targets |= {
        settings_of(E2E, each)["KAFKA_BOOTSTRAP_SERVERS"].rpartition(":")[0]
        for each in of_kind(E2E, *SERVICES)
    }
    local = {"127.0.0.1", *(named(each) for each in around("Service"))}
    assert targets - local <= known


def test_the_overlay_has_every_plain_setting_of_the_local_stack(tmp_path: Path) -> None:
    given = {name for each in all_workloads(E2E) for name in settings_of(E2E, each)}
    given |= {name.removesuffix("_FILE") for name in given} | NOT_IN_A_CLUSTER
    local = Credentials(tmp_path).stack.keys() & known(EVERY)
    assert local - given == set()


def test_only_the_step_of_approvals_makes_a_withdrawal_that_needs_one() -> None:
    [signer] = [each for each in of_kind(E2E, *SERVICES) if named(each) == "crypto-signer"]
    limit = Decimal(settings_of(E2E, signer)["CRYPTO_SIGNER_APPROVAL_ABOVE_SATOSHI"])
    assert Decimal(WITHDRAWAL).scaleb(8) <= limit < Decimal(AMOUNT).scaleb(8)


def test_policies_join_the_two_namespaces() -> None:
    label = {"cift.markets/platform": "e2e"}
    [platform] = of_kind(E2E, "Namespace")
    assert label.items() <= platform["metadata"]["labels"].items()
    reached = {
        str(peer["namespaceSelector"])
        for policy in around("NetworkPolicy")
        for rule in (*policy["spec"].get("ingress", ()), *policy["spec"].get("egress", ()))
        for peer in (*rule.get("from", ()), *rule.get("to", ()))
        if "namespaceSelector" in peer and "kube-system" not in str(peer)
    }
    assert reached == {str({"matchLabels": label})}
