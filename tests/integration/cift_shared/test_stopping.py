"""Every service ends at SIGTERM and SIGINT, with exit code 0, in whatever state it is.

Real processes. A state holds all services at once; each is stopped and judged by itself.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from cift_local.broker import EmbeddedBroker
from cift_local.ports import LOOPBACK, free_port
from cift_shared.kafka import create_topics
from cift_shared.messaging.topics import all_topics
from cift_shared.security.kafka import Brokers
from tests.chaos.cluster.proxy import Link
from tests.support import services
from tests.support.kafka import Broker
from tests.support.postgres import throw_away_folder
from tests.support.services import PATIENCE_S, Service, environment, running, running_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

GRACE_S = 90.0
"""What docs/operations.md asks people to give a process before they kill it."""
BOTH = [signal.SIGTERM, signal.SIGINT]


def nowhere() -> str:
    """An address where nobody listens."""
    return f"{LOOPBACK}:{free_port()}"


@contextmanager
def black_hole() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(1000)
        yield f"{LOOPBACK}:{listener.getsockname()[1]}"


def dsn(address: str) -> str:
    return f"postgresql://cift:secret@{address}/cift"


async def all_stop(found: list[Service], number: signal.Signals) -> None:
    codes = await asyncio.gather(*(service.stop(number, GRACE_S) for service in found))
    logs = {service.module: service.log for service in found}
    assert codes == [0] * len(found), logs
    assert [name for name, log in logs.items() if "Traceback" in log] == [], logs


async def all_answer(found: list[Service], path: str, status: int) -> None:
    await asyncio.gather(*(service.wait_for(path, status) for service in found))


@asynccontextmanager
async def starting(folder: Path, database: str, bootstrap: str) -> AsyncIterator[list[Service]]:
    """Services that serve, and have tried for a while to get what they need."""
    async with running_all(folder, database=database, bootstrap=bootstrap) as found:
        await all_answer(found, "/healthz", 200)
        await all_answer(found, "/readyz", 503)
        yield found


@pytest.mark.parametrize("number", BOTH)
async def test_without_database_and_broker(tmp_path: Path, number: signal.Signals) -> None:
    async with starting(tmp_path, dsn(nowhere()), nowhere()) as found:
        await all_stop(found, number)


async def test_services_stop_without_a_database(broker: Broker, tmp_path: Path) -> None:
    async with starting(tmp_path, dsn(nowhere()), broker.bootstrap) as found:
        await all_stop(found, signal.SIGTERM)


async def test_with_a_database_that_never_answers(broker: Broker, tmp_path: Path) -> None:
    with black_hole() as hole:
        async with starting(tmp_path, dsn(hole), broker.bootstrap) as found:
            await all_stop(found, signal.SIGTERM)


async def test_with_a_database_and_a_broker_that_never_answer(tmp_path: Path) -> None:
    with black_hole() as hole:
        async with starting(tmp_path, dsn(hole), hole) as found:
            await all_stop(found, signal.SIGINT)


async def test_without_a_schema(empty_database: str, broker: Broker, tmp_path: Path) -> None:
    async with starting(tmp_path, empty_database, broker.bootstrap) as found:
        await all_stop(found, signal.SIGTERM)


@pytest.mark.parametrize("kafka", ["refused", "silent"])
async def test_services_stop_without_a_broker(database: str, tmp_path: Path, kafka: str) -> None:
    with black_hole() as hole:
        bootstrap = hole if kafka == "silent" else nowhere()
        async with running_all(tmp_path, database=database, bootstrap=bootstrap) as found:
            await all_answer(found, "/readyz", 200)
            await all_stop(found, signal.SIGTERM)


@pytest.mark.parametrize(
    ("later_s", "number"), list(zip([0.0, 0.4, 0.8, 1.2, 1.6, 2.0], BOTH * 3, strict=True))
)
async def test_during_the_start(tmp_path: Path, later_s: float, number: signal.Signals) -> None:
    """Whatever the process is doing then: importing, connecting or serving."""
    async with running_all(tmp_path, database=dsn(nowhere()), bootstrap=nowhere()) as found:
        await asyncio.gather(*(service.wait_for_handlers() for service in found))
        await asyncio.sleep(later_s)
        await all_stop(found, number)


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("how", ["gone", "silent"])
async def test_services_stop_when_their_servers_end_or_hang(
    database: str, tmp_path: Path, how: str, number: signal.Signals
) -> None:
    """Database and broker end, or fall silent without a word, under running services."""
    async with (
        own_servers(database) as (link, through, kafka),
        running_all(tmp_path, database=through, bootstrap=kafka.bootstrap) as found,
    ):
        await all_answer(found, "/readyz", 200)
        if how == "gone":
            link.poison("refuse")
            kafka.kill()
        else:
            link.poison("blackhole")
            assert kafka.pid
            os.kill(kafka.pid, signal.SIGSTOP)
        await all_answer(found, "/readyz", 503)
        await all_stop(found, number)


async def test_a_gateway_that_stops_says_so_until_its_last_answer(
    database: str, tmp_path: Path
) -> None:
    env = environment("gateway", database=database, bootstrap=nowhere(), instance="stops")
    async with running("gateway", env, tmp_path) as gateway:
        await gateway.wait_for("/readyz", 200)
        reader, writer = await asyncio.open_connection(LOOPBACK, int(env["CIFT_HTTP_PORT"]))
        head = b"POST /api/v1/webhooks/mpesa HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        writer.write(head + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
        gateway.process.send_signal(signal.SIGTERM)
        said = await gateway.wait_for("/readyz", 503)
        assert said == {"status": "not_ready", "detail": "the process is stopping"}
        assert (await gateway.http.get("/metrics")).status_code == 200
        writer.write(b"{}")
        async with asyncio.timeout(PATIENCE_S):
            assert (await reader.read()).startswith(b"HTTP/1.1 ")
            assert await gateway.process.wait() == 0
        writer.close()


@asynccontextmanager
async def own_servers(database: str) -> AsyncIterator[tuple[Link, str, EmbeddedBroker]]:
    """A way to the database that can be broken, and a broker that can be killed."""
    parts = urlsplit(database)
    link = Link("to postgres")
    link.target = parts.port
    await link.start()
    login = parts.netloc.rpartition("@")[0]
    through = urlunsplit(parts._replace(netloc=f"{login}@{LOOPBACK}:{link.port}"))
    with throw_away_folder("broker") as folder, EmbeddedBroker(folder) as kafka:
        await create_topics(Brokers(kafka.bootstrap), all_topics())
        try:
            yield link, through, kafka
        finally:
            kafka.kill()
            await link.stop()


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("serving", [False, True])
async def test_the_twin_stops_while_it_starts_and_while_it_serves(
    tmp_path: Path, number: signal.Signals, serving: bool
) -> None:
    env = {
        "CIFT_SANDBOX_HTTP_PORT": str(free_port()),
        "CIFT_SANDBOX_STATE": str(tmp_path / "twin.sqlite3"),
        "CIFT_SANDBOX_CONSUMER_KEY": "unused",
        "CIFT_SANDBOX_CONSUMER_SECRET": "unused",
        "CIFT_SANDBOX_PASSKEY": "unused",
        "CIFT_SANDBOX_INITIATOR_PASSWORD": "unused",
    }
    async with services.running("provider_sandbox", env, tmp_path) as twin:
        if serving:
            await twin.wait_for("/control/health", 200)
        else:
            await twin.wait_for_handlers()
        assert await twin.stop(number, PATIENCE_S) == 0, twin.log
        assert "Traceback" not in twin.log
