"""Alerts and dashboards use metrics that our services export, and every alert has a runbook.

`make alerts-check` runs the alerts' own tests (deploy/monitoring/rules.test.yml) with promtool.
"""

import json
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from cift_shared.cli.doctor.monitoring import ALERT_GROUPS, JOB

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
SERVICES = (
    "cift_shared",
    "gateway",
    "ledger",
    "mpesa_worker",
    "vodacom_worker",
    "momo_worker",
    "card_worker",
    "paypal_worker",
    "crypto_watcher",
    "bitcoin_watcher",
    "ethereum_watcher",
    "chain_watch",
    "crypto_signer",
)
OF_PROMETHEUS = {"le", "instance", "job", "service", "alertname", "alertstate"}
"""Labels that Prometheus or the scrape configuration adds."""
METRIC = re.compile(r"\bcift_\w+")
RECORDED = re.compile(r"\bcift:[\w:]+")
SELECTOR = re.compile(r"(cift_\w+)\{([^}]*)\}")
GROUPED = re.compile(r"\bby \(([^)]*)\)")


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"]
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def panels() -> Iterator[tuple[str, str]]:
    """The title and each expression of every panel of every dashboard."""
    for file in sorted((MONITORING / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{file.stem}: {panel['title']}", target["expr"]


EXPRESSIONS = [
    *[(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()],
    *panels(),
]


def test_doctor_asks_for_every_group_of_alerts() -> None:
    with_alerts = {group["name"] for group in groups() if "alert" in group["rules"][0]}
    assert with_alerts == ALERT_GROUPS
    jobs = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == [JOB]


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Every series that the services export, with its labels."""
    for service in SERVICES:
        package = import_module(service)
        for module in pkgutil.walk_packages(package.__path__, f"{service}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    series = REGISTRY._names_to_collectors
    return {name: set(getattr(found, "_labelnames", ())) for name, found in series.items()}


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS)
def test_an_expression_reads_what_is_exported(
    exported: dict[str, set[str]], name: str, expression: str
) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert set(RECORDED.findall(expression)) <= recorded, name
    metrics = set(METRIC.findall(re.sub(r'"[^"]*"', "", expression)))
    assert metrics - set(exported) == set(), name
    assert metrics or RECORDED.search(expression) or "up{" in expression, name
    for metric, selector in SELECTOR.findall(expression):
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', "", selector)))
        assert asked <= exported[metric] | OF_PROMETHEUS, name
    grouped = {label for labels in GROUPED.findall(expression) for label in labels.split(", ")}
    known = set().union(OF_PROMETHEUS, *(exported[metric] for metric in metrics))
    assert grouped <= known, name


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_can_be_acted_upon(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    file, _, section = alert["annotations"]["runbook"].partition("#")
    assert section == alert["alert"].lower()
    headings = re.findall(r"^## (.+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert alert["alert"] in headings


def test_every_alert_is_seen_to_fire_and_to_be_silent() -> None:
    cases = {}
    for case in yaml.safe_load((MONITORING / "rules.test.yml").read_text())["tests"]:
        (test,) = case["promql_expr_test"]
        cases[case["name"]] = "".join(sample["labels"] for sample in test["exp_samples"])
    for name in (alert["alert"] for alert in alerts()):
        assert f'alertname="{name}"' in cases.pop(f"{name} fires")
        assert cases.pop(f"{name} is silent") == ""
    assert cases == {}
