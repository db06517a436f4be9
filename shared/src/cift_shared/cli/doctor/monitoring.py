"""Checks of a Prometheus server: our rules, our targets, and who is told of an alert.

Source of the requests: prometheus.io, "HTTP API".
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx

from cift_shared.cli.doctor.finding import Finding, fail, ok, warn

ALERT_GROUPS = frozenset({"payments", "providers", "messages", "ledger", "processes"})
"""The groups of alerts in deploy/monitoring/rules.yml."""
JOB = "cift"
"""The job of our processes in deploy/monitoring/prometheus.yml."""
_TIMEOUT_S = 10.0
_LABEL = "monitoring"


async def check_monitoring(address: str | None) -> AsyncIterator[Finding]:
    """All findings about the server at `address`; None: it is not known."""
    if address is None:
        seen = "no Prometheus was named"
        yield warn(f"{_LABEL}.server", seen, "name it: --prometheus http://host:9090")
        return
    try:
        async with httpx.AsyncClient(base_url=address, timeout=_TIMEOUT_S) as http:
            rules = await _data(http, "/api/v1/rules", type="alert")
            targets = await _data(http, "/api/v1/targets", state="active")
            managers = await _data(http, "/api/v1/alertmanagers")
            findings = [_rules(rules), _targets(targets), _managers(managers)]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        seen = f"{address} does not answer as Prometheus does ({type(error).__name__})"
        yield fail(f"{_LABEL}.server", seen, "start it, or correct --prometheus")
        return
    for finding in findings:
        yield finding


async def _data(http: httpx.AsyncClient, path: str, **params: str) -> dict[str, Any]:
    answer = await http.get(path, params=params)
    answer.raise_for_status()
    data: dict[str, Any] = answer.json()["data"]
    return data


def _rules(data: dict[str, Any]) -> Finding:
    groups = [group for group in data["groups"] if group["name"] in ALERT_GROUPS]
    missing = sorted(ALERT_GROUPS - {group["name"] for group in groups})
    if missing:
        seen = f"alerts are not loaded: {', '.join(missing)}"
        return fail(f"{_LABEL}.rules", seen, "load deploy/monitoring/rules.yml")
    alerts = [alert for group in groups for alert in group["rules"]]
    firing = sorted(alert["name"] for alert in alerts if alert["state"] == "firing")
    if firing:
        advice = "follow their runbooks: docs/runbooks"
        return fail(f"{_LABEL}.rules", f"alerts are firing: {', '.join(firing)}", advice)
    return ok(f"{_LABEL}.rules", f"all {len(alerts)} alerts are loaded and silent")


def _targets(data: dict[str, Any]) -> Finding:
    ours = [one for one in data["activeTargets"] if one["labels"].get("job") == JOB]
    down = sorted(one["labels"].get("instance", "?") for one in ours if one["health"] != "up")
    if not ours:
        advice = "scrape every process's CIFT_OPS_PORT: deploy/monitoring/prometheus.yml"
        return fail(f"{_LABEL}.targets", f"no target has the job {JOB}", advice)
    if down:
        seen = f"{len(down)} of {len(ours)} processes do not answer: {', '.join(down)}"
        return fail(f"{_LABEL}.targets", seen, "start them, or correct the scrape targets")
    return ok(f"{_LABEL}.targets", f"all {len(ours)} processes are scraped")


def _managers(data: dict[str, Any]) -> Finding:
    count = len(data["activeAlertmanagers"])
    if not count:
        advice = "set alerting.alertmanagers: deploy/monitoring/prometheus.yml"
        return fail(f"{_LABEL}.alertmanager", "alerts reach no Alertmanager", advice)
    return ok(f"{_LABEL}.alertmanager", f"alerts reach {count} Alertmanager")
