"""PostgreSQL as our child: data outlives every way to end it, and it ends with its owner."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from cift_local import postgres
from cift_local.errors import FolderInUseError, StartError
from cift_local.postgres import Postgres
from cift_local.privilege_drop import unprivileged_user
from tests.support.postgres import PgServer, throw_away_folder

pytestmark = pytest.mark.integration

OWNER = """
import sys, time
from pathlib import Path
from cift_local.postgres import Postgres
print(Postgres(Path(sys.argv[1])).start().pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with throw_away_folder("pg") as made:
        yield made


def ask(server: Postgres, statement: str) -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(server.dsn())
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(answer())


class TestOneServer:
    def test_is_set_up_for_money(self, folder: Path) -> None:
        with Postgres(folder) as server:
            names = ("fsync", "full_page_writes", "data_checksums", "password_encryption")
            assert [ask(server, f"show {name}") for name in names] == [
                "on",
                "on",
                "on",
                "scram-sha-256",
            ]
            assert ask(server, "show listen_addresses") == "127.0.0.1"

    def test_wants_the_password(self, folder: Path) -> None:
        with Postgres(folder) as server:
            wrong = server.dsn().replace(":", ":not-", 2).replace("postgresql:not-", "postgresql:")
            with pytest.raises(asyncpg.InvalidPasswordError):
                asyncio.run(asyncpg.connect(wrong))

    def test_keeps_its_data_over_stop_and_kill(self, folder: Path) -> None:
        server = Postgres(folder).start()
        ask(server, "create table kept as select 7 as n")
        server.stop()
        server.start()
        server.kill()
        server.start()
        assert ask(server, "select n from kept") == 7
        server.stop()
        assert server.pid is None

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")
    def test_drops_roots_privileges(self, folder: Path) -> None:
        user = unprivileged_user()
        assert user is not None
        with Postgres(folder) as server:
            assert psutil.Process(server.pid).uids().real == user.uid
            assert psutil.Process(server.pid).gids().real == user.gid

    def test_makes_the_cluster_anew_after_half_an_initdb(self, folder: Path) -> None:
        (folder / "data").mkdir()
        (folder / "data" / "PG_VERSION").write_text("18\n")
        with Postgres(folder) as server:
            assert ask(server, "select 1") == 1

    def test_says_why_it_does_not_start(self, folder: Path) -> None:
        with pytest.raises(StartError, match="no_such_setting"):
            Postgres(folder, settings={"no_such_setting": "1"}).start()

    def test_starts_over_a_pid_file_whose_number_another_program_has_now(
        self, folder: Path
    ) -> None:
        with Postgres(folder) as server:
            pid_file = server.data_folder / "postmaster.pid"
            lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        with Postgres(folder) as server:
            assert ask(server, "select 1") == 1

    def test_a_second_owner_is_refused(self, folder: Path) -> None:
        with Postgres(folder) as server:
            with pytest.raises(FolderInUseError, match="in use"):
                Postgres(folder).start()
            assert ask(server, "select 1") == 1


@pytest.fixture
def orphan(folder: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """An owner in a process of its own, and its server."""
    argv = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        server = psutil.Process(int(owner.stdout.readline()))
        yield owner, server
        owner.kill()


class TestDeadOwner:
    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child")
    def test_the_server_ends_with_it_and_the_next_start_works(
        self, folder: Path, orphan: tuple[subprocess.Popen[str], psutil.Process]
    ) -> None:
        owner, server = orphan
        owner.kill()
        psutil.wait_procs([server], timeout=10)
        assert not is_alive(server)
        with Postgres(folder) as again:
            assert ask(again, "select 1") == 1

    def test_a_server_that_is_left_is_ended_first(
        self,
        folder: Path,
        orphan: tuple[subprocess.Popen[str], psutil.Process],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(postgres, "_ORPHANS_END_WITHIN_S", 1.0)
        owner, server = orphan
        server.send_signal(signal.SIGSTOP)  # so that it cannot hear that its owner died
        owner.kill()
        owner.wait()
        assert is_alive(server)
        with Postgres(folder) as again:
            assert ask(again, "select 1") == 1
        assert not is_alive(server)


class TestSessionServer:
    async def test_copies_of_a_template_are_apart(self, pg_server: PgServer) -> None:
        async def migrate(dsn: str) -> None:
            connection = await asyncpg.connect(dsn)
            await connection.execute("create table t (n int)")
            await connection.close()

        template = await pg_server.create_template(migrate)
        names = [await pg_server.create("cift_test", template=template) for _ in range(2)]
        one, other = [await asyncpg.connect(pg_server.address(name)) for name in names]
        await one.execute("insert into t values (1)")
        assert await other.fetchval("select count(*) from t") == 0
        await one.close()
        for name in names:  # `other` is still connected: dropping does not wait for it
            await pg_server.drop(name)
        await pg_server.drop(template)
        await other.close()


def is_alive(process: psutil.Process) -> bool:
    """Tells whether a process still runs; one that nobody has buried yet does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
