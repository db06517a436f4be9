"""Our rules and routes, run by Prometheus and Alertmanager: a page is a call, a ticket a mail."""

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from cift_local.ports import LOOPBACK, free_port
from tests.alerts.receivers import World, serving_world
from tests.support.cift import cift
from tests.support.eventually import eventually

pytestmark = [pytest.mark.alerts, pytest.mark.timeout(240)]

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
BROKEN = 'cift_ledger_violations{{invariant="sum_is_zero"}} {broken}\n'
LETTERS = (
    'cift_messages_rejected_total{{topic="payments.results",reason="undecodable"}} {letters}\n'
)

WATCHED = {"targets": "ok", "alertmanager": "ok"}


def measured(*, broken: int, letters: int) -> str:
    return (BROKEN + LETTERS).format(broken=broken, letters=letters)


def configure(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text())


def write(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


@asynccontextmanager
async def program(log: Path, *words: str) -> AsyncIterator[Process]:
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*words, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def running_alerts(world: World, folder: Path) -> AsyncIterator[str]:
    """Prometheus and Alertmanager with our files; only addresses and intervals differ.

    Yields Prometheus' address.
    """
    prometheus = f"{LOOPBACK}:{free_port()}"
    alertmanager_port = free_port()
    routes = configure("alertmanager.yml")
    routes["global"]["smtp_smarthost"] = f"{LOOPBACK}:{world.mail_port}"
    routes["route"]["group_wait"] = "1s"
    (pager,) = [one for one in routes["receivers"] if one["name"] == "pager"]
    pager["webhook_configs"][0]["url"] = f"http://{LOOPBACK}:{world.pager_port}/pages"
    scraping = configure("prometheus.yml")
    scraping["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    scraping["rule_files"] = [str(MONITORING / "rules.yml")]
    target = {"targets": [f"{LOOPBACK}:{alertmanager_port}"]}
    scraping["alerting"]["alertmanagers"] = [{"static_configs": [target]}]
    process = {"targets": [f"{LOOPBACK}:{world.metrics_port}"]}
    scraping["scrape_configs"][0]["static_configs"] = [process]
    async with (
        program(
            folder / "alertmanager.log",
            "prometheus-alertmanager",
            f"--config.file={write(folder / 'alertmanager.yml', routes)}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={LOOPBACK}:{alertmanager_port}",
            "--cluster.listen-address=",
        ),
        program(
            folder / "prometheus.log",
            "prometheus",
            f"--config.file={write(folder / 'prometheus.yml', scraping)}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address={prometheus}",
        ),
    ):
        yield f"http://{prometheus}"


async def scraped(world: World) -> bool:
    return world.scrapes > 3


async def notified(world: World) -> bool:
    return bool(world.pages and world.mails)


async def doctor(prometheus: str) -> dict[str, str]:
    """The grades that `cift doctor --production` gives the monitoring."""
    said = await cift("doctor", "--production", "--prometheus", prometheus, "--json")
    return {
        one["name"].partition(".")[2]: one["grade"]
        for one in said.json["findings"]
        if one["name"].startswith("monitoring.")
    }


async def test_a_page_is_a_call_and_a_ticket_a_mail(tmp_path: Path) -> None:
    async with serving_world() as world:
        world.metrics = measured(broken=0, letters=1)
        async with running_alerts(world, tmp_path) as prometheus:
            await eventually(partial(scraped, world), "scrapes")
            assert (world.pages, world.mails) == ([], [])
            assert await doctor(prometheus) == {**WATCHED, "rules": "ok"}
            world.metrics = measured(broken=2, letters=3)
            await eventually(partial(notified, world), "notifications")
            seen = await doctor(prometheus)
    assert seen == {**WATCHED, "rules": "fail"}
    page = json.loads(world.pages[0])
    (alert,) = page["alerts"]
    assert alert["labels"]["alertname"] == "LedgerBroken"
    assert alert["annotations"]["runbook"] == "docs/runbooks/ledger.md#ledgerbroken"
    assert "sum_is_zero is broken in 2 places" in alert["annotations"]["summary"]
    assert "DeadLetters" in world.mails[0]
    assert not any("DeadLetters" in page for page in world.pages)
