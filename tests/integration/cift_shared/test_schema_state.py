"""A release beside a database of another age: who is ready, and what `cift migrate` refuses."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from cift_local.ports import LOOPBACK
from cift_shared.database.migrations import (
    Migration,
    SchemaState,
    find_functions,
    find_migrations,
    migrate,
    schema_state,
)
from cift_shared.database.pool import close_pool, open_pool
from cift_shared.errors import InvariantViolated, SchemaRefused
from cift_shared.messaging.record import Record, RejectedRecord
from cift_shared.runtime.readiness import Readiness
from tests.support.gateway import running_gateway
from tests.support.kafka import Broker
from tests.support.payments import order, pay
from tests.support.problems import problem
from tests.support.services import MODULES, environment, running

pytestmark = pytest.mark.integration

NEWER = "8888_newer.sql"
NEWER_STILL = "9999_newer_still.sql"


@pytest.fixture
async def admin(database: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def with_file(file: str, sql: str = "select 1;", schema: str = "ledger") -> list[Migration]:
    """This release and one more file, as another release would ship it."""
    return sorted(
        [*find_migrations(), Migration(schema, file, sql)],
        key=lambda one: (not one.schema.startswith("ledger"), one.schema, one.file),
    )


async def run_migrate(dsn: str) -> tuple[int | None, str]:
    """Exit status and words of `cift migrate`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cift_shared", "migrate", stdout=PIPE, stderr=STDOUT,
        env={**os.environ, "DATABASE_URL": dsn},
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, out.decode()


class TestState:
    async def test_of_a_database_that_fits(self, admin: Any) -> None:
        state = await schema_state(admin)
        assert state == SchemaState()
        assert state.fits

    async def test_of_one_that_nobody_has_migrated(self, empty_database: str) -> None:
        connection = await asyncpg.connect(empty_database)
        try:
            state = await schema_state(connection)
            assert state.missing == (
                *(one.name for one in find_migrations()),
                *(one.label for one in find_functions()),
            )
            assert "run `cift migrate`" in str(state)
        finally:
            await connection.close()

    async def test_of_one_that_lacks_a_file(self, admin: Any) -> None:
        await admin.execute("delete from cift_migration where file_name = '0018_jit.sql'")
        state = await schema_state(admin)
        assert state == SchemaState(missing=("ledger/0018_jit.sql",))
        assert str(state) == (
            "the database lacks ledger/0018_jit.sql: run `cift migrate` of this release"
        )
        assert not state.fits
        assert (await schema_state(admin, schemas=["gateway"])).fits

    async def test_of_one_that_a_newer_release_only_added_to(
        self, database: str, admin: Any
    ) -> None:
        assert await migrate(database, with_file(NEWER)) == [f"ledger/{NEWER}"]
        state = await schema_state(admin)
        assert state == SchemaState(ahead=(f"ledger/{NEWER}",))
        assert state.fits

    async def test_of_one_that_needs_newer_code(self, database: str, admin: Any) -> None:
        await migrate(database, with_file(NEWER))
        contract = [*with_file(NEWER), Migration("ledger", NEWER_STILL, "-- needs-code-of: 8888\n")]
        await migrate(database, contract)
        state = await schema_state(admin)
        assert state.incompatible == (f"ledger/{NEWER_STILL}",)
        assert not state.fits
        assert "needs a newer release" in str(state)
        # the release that ships 8888 and not the contract itself works on it
        assert (await schema_state(admin, with_file(NEWER))).fits
        # who uses another schema is not concerned
        assert (await schema_state(admin, schemas=["mpesa"])).fits

    async def test_is_read_by_every_role(self, database: str) -> None:
        phones = ("mpesa", "mpesa_tz", "momo_ug", "momo_rw")
        rails = (*phones, "card", "paypal", "bitcoin", "ethereum")
        for name in ("gateway", "ledger", *rails, "operator"):
            pool = await open_pool(database, role=f"cift_{name}", size_max=1)
            async with pool.acquire() as connection:
                assert (await schema_state(connection)).fits
            await close_pool(pool)

    async def test_of_a_history_that_an_older_release_wrote(self, database: str) -> None:
        connection = await asyncpg.connect(database)
        await connection.execute("alter table cift_migration drop column needs_code_of")
        assert (await schema_state(connection)).fits
        await connection.close()
        assert await migrate(database) == []


class TestMigrate:
    async def test_does_nothing_to_a_database_that_is_only_added_to(self, database: str) -> None:
        await migrate(database, with_file(NEWER))
        assert await migrate(database) == []

    async def test_refuses_one_that_needs_newer_code(self, database: str) -> None:
        await migrate(database, with_file(NEWER, "-- needs-code-of: 8888\nselect 1;"))
        with pytest.raises(SchemaRefused, match="needs a newer release"):
            await migrate(database)

    async def test_refuses_a_file_of_unknown_order(self, database: str, admin: Any) -> None:
        await migrate(database, with_file("0005_of_another_branch.sql"))
        with pytest.raises(SchemaRefused, match="0005_of_another_branch"):
            await migrate(database)
        assert (await schema_state(admin)).fits  # nothing says that it does harm

    async def test_refuses_to_fill_in_before_a_file_it_does_not_know(
        self, database: str, admin: Any
    ) -> None:
        await migrate(database, with_file(NEWER))
        await admin.execute("delete from cift_migration where file_name = '0018_jit.sql'")
        with pytest.raises(SchemaRefused, match=NEWER):
            await migrate(database)
        assert (await schema_state(admin)).missing == ("ledger/0018_jit.sql",)

    @pytest.mark.parametrize(
        "mark", ["needs-code-of 8888", "needs-code-of: 88", "needs-code-of: 9999", "needs-code-of:"]
    )
    async def test_refuses_a_mark_that_can_not_be_read(
        self, database: str, admin: Any, mark: str
    ) -> None:
        with pytest.raises(InvariantViolated, match="needs-code-of"):
            await migrate(database, with_file(NEWER, f"-- {mark}\n"))
        assert (await schema_state(admin)).ahead == ()

    async def test_says_what_it_leaves_alone(self, database: str) -> None:
        await migrate(database, with_file(NEWER))
        code, out = await run_migrate(database)
        assert (code, out.strip()) == (0, f"left alone ledger/{NEWER}: it is of a newer release")

    async def test_is_refused_in_one_line(self, database: str) -> None:
        await migrate(database, with_file(NEWER, "-- needs-code-of: 8888\n"))
        code, out = await run_migrate(database)
        assert code == 3  # refused
        [line] = out.strip().splitlines()
        assert f"ledger/{NEWER}" in line


class TestReadyz:
    """Real processes; what they say and do while the schema is not theirs."""

    @pytest.mark.timeout(240)
    @pytest.mark.parametrize("module", MODULES)
    async def test_follows_the_schema(
        self, empty_database: str, broker: Broker, tmp_path: Path, module: str
    ) -> None:
        schema = {"crypto_watcher": "bitcoin"}.get(module, module.removesuffix("_worker"))
        names = {"database": empty_database, "bootstrap": broker.bootstrap}
        env = environment(module, instance=uuid4().hex[:8], **names)
        async with running(module, env, tmp_path) as service:
            body = await service.wait_for("/readyz", 503)
            assert "run `cift migrate`" in body["detail"]
            if module == "gateway":
                api = f"http://{LOOPBACK}:{env['CIFT_HTTP_PORT']}/api/v1"
                answer = await service.http.get(f"{api}/payments")
                assert answer.status_code == 503
                assert answer.headers["retry-after"]
                assert answer.json()["code"] == "unavailable"
            await migrate(empty_database, find_migrations()[:3], [])
            body = await service.wait_for("/readyz", 503)
            assert "run `cift migrate`" in body["detail"]
            await migrate(empty_database)
            await service.wait_for("/readyz", 200)
            assert "Traceback" not in service.log
            await migrate(empty_database, with_file(NEWER, schema=schema))
            await asyncio.sleep(0)
            assert await service.wait_for("/readyz", 200)
            marked = Migration(schema, NEWER_STILL, "-- needs-code-of: 8888\n")
            await migrate(empty_database, [*with_file(NEWER, schema=schema), marked])
            body = await service.wait_for("/readyz", 503)  # within RECHECK_S
            assert f"{schema}/{NEWER_STILL}" in body["detail"]


class TestGuard:
    """A batch waits while the schema does not fit; it is never taken for bad records."""

    async def test_of_a_batch(self, database: str, admin: Any) -> None:
        pool = await open_pool(database, role="cift_ledger", size_max=2)
        readiness = Readiness(pool, ["ledger"])

        async def handle(_: Any) -> list[RejectedRecord]:
            await pool.fetch("select gone from ledger.payment")
            return []

        batch = [Record("t", 0, 0, None, None)]
        with pytest.raises(asyncpg.UndefinedColumnError):  # our own fault
            await readiness.guarded(handle)(batch)
        await migrate(database, with_file(NEWER, "-- needs-code-of: 8888\n"))
        with pytest.raises(SchemaRefused):
            await readiness.guarded(handle)(batch)
        await close_pool(pool)

    async def test_of_a_request(self, database: str, admin: Any) -> None:
        async with running_gateway(database) as gateway:
            client: httpx.AsyncClient = await gateway.client()
            assert (await pay(client, order())).status_code == 202
            await admin.execute("alter table ledger.payment rename column description to note")
            problem(await client.get("/payments"), 500, "internal_error")
            await migrate(database, with_file(NEWER, "-- needs-code-of: 8888\n"))
            answer = await client.get("/payments")
            problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"]
