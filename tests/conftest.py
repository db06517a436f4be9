"""The servers under the integration tests, one of each for the session.

`database` is a fresh, migrated database for each test; `broker` and `real_kafka` are shared, so a
test picks topic and group names of its own.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from cift_local.waiting import run_apart
from tests.support import kafka, postgres

# A property is true or not; how fast the machine finds out proves nothing.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_report_header() -> list[str]:
    return [postgres.describe(), *kafka.describe()]


@pytest.fixture(scope="session")
def pg_server() -> Iterator[postgres.PgServer]:
    with postgres.running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def database_template(pg_server: postgres.PgServer) -> Iterator[str]:
    """The name of a database with every migration applied."""
    from cift_shared.migrations import migrate

    template = run_apart(pg_server.create_template(migrate))
    yield template
    run_apart(pg_server.drop(template))


@pytest.fixture
async def database(pg_server: postgres.PgServer, database_template: str) -> AsyncIterator[str]:
    """The address of a fresh, migrated database."""
    name = await pg_server.create("cift_test", template=database_template)
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


@pytest.fixture(scope="session")
def real_kafka() -> Iterator[kafka.Broker]:
    """Apache Kafka; the test is skipped (fails in CI) where there is none."""
    with kafka.running_kafka() as running:
        yield running
