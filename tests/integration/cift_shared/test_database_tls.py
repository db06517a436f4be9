"""PostgreSQL over TLS: `sslmode=verify-full` with the authority's file, in commands and services.

A certificate of another authority or of another host, or a server without TLS, is refused with one
plain line. The embedded server has no TLS, so a front of the test does it; with
`CIFT_TEST_PG=stock` it is Debian's server that does.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cift_local.postgres import Postgres
from cift_shared.cli.errors import Exit
from tests.support.certificates import Authority
from tests.support.cift import Said, cift
from tests.support.postgres import throw_away_folder, wants_stock
from tests.support.services import environment, running
from tests.support.stock_postgres import PROGRAMS
from tests.support.tls_front import tls_front

pytestmark = pytest.mark.integration

NOT_TRUSTED = "the database's certificate is not one that sslrootcert of DATABASE_URL trusts"


@dataclass(frozen=True)
class Place:
    """A database that is reached with TLS, and the authorities of the test."""

    dsn: str
    ours: Path
    others: Path

    def address(self, authority: Path, mode: str = "verify-full") -> str:
        return f"{self.dsn}?sslmode={mode}&sslrootcert={authority}"


@asynccontextmanager
async def served(dsn: str, folder: Path, certificate: Path, key: Path) -> AsyncIterator[str]:
    """The address of the database with TLS."""
    if not wants_stock():
        port = urlsplit(dsn).port or 5432
        async with tls_front(port, certificate, key) as front:
            yield dsn.replace(f":{port}/", f":{front}/")
        return
    settings = {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
    server = Postgres(folder / "tls", binaries=PROGRAMS / "bin", settings=settings)
    if server._user is not None:
        server._user.chown(key)
    with server:
        yield server.dsn()


@pytest.fixture
async def place(empty_database: str) -> AsyncIterator[Place]:
    with throw_away_folder("tls") as folder:
        authority, other = Authority(folder), Authority(folder, name="Other authority")
        async with served(empty_database, folder, *authority.issue("postgres")) as dsn:
            yield Place(dsn, authority.file, other.file)


async def migrated(address: str) -> Said:
    return await cift("migrate", "--quiet", DATABASE_URL=address)


async def test_the_right_authority_is_accepted(place: Place) -> None:
    said = await migrated(place.address(place.ours))
    assert said.code == Exit.OK, said.err


async def test_another_authority_s_certificate_is_refused(place: Place) -> None:
    said = await migrated(place.address(place.others))
    said.is_one_line(Exit.REFUSED, "is not the server of sslrootcert", "issuer certificate")


async def test_a_certificate_of_another_host_is_refused(empty_database: str) -> None:
    with throw_away_folder("tls") as folder:
        authority = Authority(folder)
        files = authority.issue("postgres", hosts=["other.example"], is_local=False)
        async with served(empty_database, folder, *files) as dsn:
            said = await migrated(
                Place(dsn, authority.file, authority.file).address(authority.file)
            )
    said.is_one_line(Exit.REFUSED, "is not the server of sslrootcert", "mismatch")


async def test_a_server_without_tls_is_refused(place: Place) -> None:
    with throw_away_folder("plain") as folder, Postgres(folder / "plain") as server:
        plain = Place(server.dsn(), place.ours, place.others)
        said = await migrated(plain.address(plain.ours))
    said.is_one_line(Exit.REFUSED, "does not offer TLS")


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey"])
async def test_a_missing_file_is_named(place: Place, name: str) -> None:
    said = await migrated(f"{place.dsn}?sslmode=verify-full&{name}=/nowhere/ca.pem")
    said.is_one_line(Exit.USAGE, "DATABASE_URL", name, "/nowhere/ca.pem")
    assert str(urlsplit(place.dsn).password) not in said.err


async def test_a_service_with_another_authority_is_not_ready_and_says_why(place: Place) -> None:
    assert (await migrated(place.address(place.ours))).code == Exit.OK
    with throw_away_folder("service") as folder:
        wrong = environment(
            "gateway", database=place.address(place.others), bootstrap="127.0.0.1:9", instance="a"
        )
        async with running("gateway", wrong, folder) as service:
            assert NOT_TRUSTED in str(await service.wait_for("/readyz", 503))
            assert (await service.wait_for("/healthz", 200)) is not None
            assert "Traceback" not in service.log
            assert service.log.count(NOT_TRUSTED) == 1
        right = environment(
            "gateway", database=place.address(place.ours), bootstrap="127.0.0.1:9", instance="b"
        )
        async with running("gateway", right, folder) as service:
            await service.wait_for("/readyz", 200)
