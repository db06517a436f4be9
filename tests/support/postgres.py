"""PostgreSQL for tests: one server for the session, a fresh database for each test.

Which server, in this order: the one `CIFT_TEST_PG` names (an address, `stock` for Debian's own
PostgreSQL, `container` or `embedded`), a container where an engine answers, else the embedded one.
The report header says which.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from cift_local.ports import free_port
from cift_local.postgres import Postgres
from cift_local.postgres_binaries import embedded_version
from tests.support.docker import bind_to_loopback, docker_is_reachable, engine, postgres_image

GIVEN = "CIFT_TEST_PG"
STOCK, CONTAINER, EMBEDDED = "stock", "container", "embedded"

Migrate = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class PgServer:
    """A running server; `dsn` is a superuser's address of any database on it."""

    dsn: str

    def address(self, database: str) -> str:
        """Answers the superuser's address of a database."""
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{database}"))

    async def create(self, prefix: str, *, template: str = "template1") -> str:
        """Makes a database whose name starts with `prefix`, answers its name."""
        name = f"{prefix}_{secrets.token_hex(6)}"
        await self._run(f'create database "{name}" template "{template}"')
        return name

    async def drop(self, name: str) -> None:
        """Drops a database, whoever is still connected to it."""
        await self._run(f'drop database if exists "{name}" with (force)')

    async def create_template(self, migrate: Migrate) -> str:
        """Makes a database, migrates it once, answers its name for `create`."""
        name = await self.create("cift_template")
        await migrate(self.address(name))
        return name

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def describe() -> str:
    """Answers the line for the report header."""
    if wants_stock():
        return "PostgreSQL: Debian's own, with its own configuration"
    if wants_container():
        return f"PostgreSQL: container {postgres_image()} ({engine()}), fsync off"
    if os.environ.get(GIVEN, EMBEDDED) != EMBEDDED:
        return f"PostgreSQL: the server that {GIVEN} names"
    return f"PostgreSQL: embedded {embedded_version()}, fsync off"


def wants_stock() -> bool:
    """Tells whether the tests run on Debian's own PostgreSQL (`make test-postgres`)."""
    return os.environ.get(GIVEN) == STOCK


def wants_container() -> bool:
    """Tells whether the tests run on PostgreSQL in a container."""
    choice = os.environ.get(GIVEN)
    if choice == CONTAINER and not docker_is_reachable():
        raise pytest.UsageError(f"{GIVEN} is `{CONTAINER}`, and no container engine answers")
    return choice in {None, CONTAINER} and docker_is_reachable()


@contextmanager
def running_postgres() -> Iterator[PgServer]:
    """Runs the session's server."""
    if wants_stock():
        yield from _stock()
    elif wants_container():
        yield from _in_container()
    elif (given := os.environ.get(GIVEN, EMBEDDED)) != EMBEDDED:
        yield PgServer(given)
    else:
        yield from _embedded()


def _stock() -> Iterator[PgServer]:
    from tests.support.stock_postgres import StockPostgres

    with throw_away_folder("stock-postgres") as folder, StockPostgres(folder) as server:
        yield PgServer(server.dsn())


def _in_container() -> Iterator[PgServer]:
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(postgres_image(), driver=None)
    bind_to_loopback(container, container.port, free_port())
    with container.with_command("-c fsync=off -c full_page_writes=off"):
        yield PgServer(container.get_connection_url())


def _embedded() -> Iterator[PgServer]:
    """Runs the embedded server without fsync: a test's data need not survive the machine."""
    with throw_away_folder("postgres") as folder:
        settings = {"fsync": "off", "full_page_writes": "off"}
        with Postgres(folder, settings=settings) as server:
            yield PgServer(server.dsn())


@contextmanager
def throw_away_folder(name: str) -> Iterator[Path]:
    """Answers a temporary folder that other users may pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix=f"cift-test-{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        if "CIFT_TEST_KEEP" not in os.environ:  # set it to look at logs and data afterwards
            shutil.rmtree(folder, ignore_errors=True)
