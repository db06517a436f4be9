"""While a server is away a service logs one line, a summary now and then, and the end."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from cift_local.broker import EmbeddedBroker
from cift_shared.kafka import create_topics
from cift_shared.messaging.topics import all_topics
from cift_shared.security.kafka import Brokers
from tests.integration.cift_cli.test_setup_errors import settings
from tests.support.breakable import Line
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

AWAY_S = 25
WITHIN_S = 90.0
LINES_MAX = 8
"""The first line, a summary every ten seconds, and a few that are about something else."""


@asynccontextmanager
async def running(service: str, log: Path, **env: str) -> AsyncIterator[Process]:
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", service, env={**os.environ, **env}, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def lines_of(log: Path) -> list[dict[str, Any]]:
    text = log.read_text()
    assert "Traceback" not in text, text
    complete = text.rpartition("\n")[0]  # the last line may still be on its way
    return [json.loads(line) for line in complete.splitlines()]


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not done():
            await asyncio.sleep(0.2)


def has(log: Path, event: str, **fields: Any) -> bool:
    wanted = {"event": event, **fields}.items()
    return any(wanted <= {k: str(v) for k, v in line.items()}.items() for line in lines_of(log))


async def one_outage(
    log: Path, server: str, cut: Callable[[], Awaitable[None]], mend: Callable[[], Awaitable[None]]
) -> None:
    """Take a server away and give it back; judge what was logged in that time."""
    before = len(lines_of(log))
    await cut()
    await until(lambda: has(log, "outage.continues", server=server))
    await asyncio.sleep(AWAY_S)
    during = [line for line in lines_of(log)[before:] if line["level"] != "info"]
    await mend()
    await until(lambda: has(log, "outage.over", server=server))
    assert during[0]["event"] != "outage.continues"
    assert len(during) <= LINES_MAX, during
    [over] = [one for one in lines_of(log)[before:] if one["event"] == "outage.over"]
    assert over["lines"] > len(during)
    assert all(line["service"] for line in during if line["event"].startswith("outage."))


@pytest.mark.parametrize("service", ["ledger", "card_worker"])
async def test_kafka_and_the_database_away(service: str, database: str, tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    address = urlsplit(database)
    line = Line(str(address.hostname), int(address.port or 5432))
    await line.mend()
    netloc = f"{address.username}:{address.password}@127.0.0.1:{line.port}"
    with throw_away_folder("broker") as folder, EmbeddedBroker(folder) as broker:
        await create_topics(Brokers(broker.bootstrap), all_topics())

        async def stop() -> None:
            await asyncio.to_thread(broker.stop)

        async def start() -> None:
            broker.start()

        env = settings(
            DATABASE_URL=urlunsplit(address._replace(netloc=netloc)),
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap,
            CIFT_INSTANCE="outage",
        )
        async with running(service, log, **env):
            await until(lambda: has(log, "relay.leading"))
            await one_outage(log, "kafka", stop, start)
            await one_outage(log, "database", line.cut, line.mend)
    assert has(log, "service.stopped")
    await line.cut()
