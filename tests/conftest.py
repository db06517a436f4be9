"""The servers under the integration tests, one of each for the session.

`database` is a migrated database without rows for each test; `broker` and `real_kafka` are shared,
so a test picks topic and group names of its own.
"""

import os
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from cift_local.waiting import run_in_thread
from tests.support import kafka, postgres
from tests.support.reused_database import ReusedDatabase

# A property is true or not; how fast the machine finds out proves nothing.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


SERVERS = frozenset({"pg_server", "broker", "own_broker", "real_kafka"})
"""Fixtures that are another server in another run."""


RECURSION_LIMIT = sys.getrecursionlimit()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that use a server of the session.

    The tests of the JIT are left to the server that has it: a skip would look like a check.
    """
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)
    if postgres.wants_stock():
        return
    left_out = [item for item in items if item.get_closest_marker("jit")]
    items[:] = [item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """py-evm raises the limit when a test module imports it; deep JSON would end the process."""
    sys.setrecursionlimit(RECURSION_LIMIT)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that was skipped has not passed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if "CI" in os.environ and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_report_header() -> list[str]:
    return [postgres.describe(), *kafka.describe()]


@pytest.fixture(scope="session")
def pg_server() -> Iterator[postgres.PgServer]:
    with postgres.running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def database_template(pg_server: postgres.PgServer) -> Iterator[str]:
    """The name of a database with every migration applied."""
    from cift_shared.database.migrations import migrate

    template = run_in_thread(pg_server.create_template(migrate))
    yield template
    run_in_thread(pg_server.drop(template))


@pytest.fixture
async def database(pg_server: postgres.PgServer, database_template: str) -> AsyncIterator[str]:
    """The address of a migrated database without rows: a new copy of the template."""
    name = await pg_server.create("cift_test", template=database_template)
    yield pg_server.address(name)
    await pg_server.drop(name)


@pytest.fixture(scope="session")
def reused_database(
    pg_server: postgres.PgServer, database_template: str
) -> Iterator[ReusedDatabase]:
    reused = ReusedDatabase(pg_server, database_template)
    yield reused
    run_in_thread(reused.drop())


@pytest.fixture
async def emptied_database(reused_database: ReusedDatabase) -> str:
    """The address of a migrated database without rows, which other tests have used before.

    It costs a fraction of a copy. A folder whose tests change rows only overrides `database` with
    it.
    """
    return await reused_database.emptied()


@pytest.fixture(scope="session")
def other_reused_database(
    pg_server: postgres.PgServer, database_template: str
) -> Iterator[ReusedDatabase]:
    reused = ReusedDatabase(pg_server, database_template)
    yield reused
    run_in_thread(reused.drop())


@pytest.fixture
async def other_database(other_reused_database: ReusedDatabase) -> str:
    """The address of a second migrated database without rows."""
    return await other_reused_database.emptied()


@pytest.fixture
async def empty_database(pg_server: postgres.PgServer) -> AsyncIterator[str]:
    """The address of a fresh database that nobody has migrated."""
    name = await pg_server.create("cift_empty")
    yield pg_server.address(name)
    await pg_server.drop(name)


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[kafka.Broker]:
    """The broker of the integration tests: embedded, or Apache Kafka when asked for."""
    if kafka.wants_apache_kafka():
        yield request.getfixturevalue("real_kafka")
    else:
        with kafka.running_embedded_broker() as running:
            yield running


@pytest.fixture
def own_broker(request: pytest.FixtureRequest) -> Iterator[kafka.Broker]:
    """A broker in whose groups no process of another test is a member.

    The embedded broker keeps members that are gone, and a rebalance waits for them without end, so
    a test that needs whole services to read can't share it with one that has ended some. Apache
    Kafka evicts such members.
    """
    if kafka.wants_apache_kafka():
        yield request.getfixturevalue("real_kafka")
    else:
        with kafka.running_embedded_broker() as running:
            yield running


@pytest.fixture(scope="session")
def real_kafka() -> Iterator[kafka.Broker]:
    """Apache Kafka; the test is skipped (fails in CI) where there is none."""
    with kafka.running_kafka() as running:
        yield running
