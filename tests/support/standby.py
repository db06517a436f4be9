"""A PostgreSQL server with a synchronous standby, as a cluster with two machines has them."""

import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil

from cift_local.errors import StartError
from cift_local.postgres import Postgres
from tests.support.eventually import eventually

_STATUS_LINE = 7
_SLOT = "standby"


class Standby(Postgres):
    """A copy of a running server that follows it, and can take its place."""

    name = "postgres-standby"

    def __init__(self, folder: Path, primary: Postgres) -> None:
        """The first start copies the primary."""
        super().__init__(folder)
        self._primary = primary

    async def is_ready(self) -> bool:
        """Tells whether it answers queries; a standby writes another status than a primary."""
        try:
            lines = (self.data_folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() in ("ready", "standby")

    async def promote(self) -> None:
        """Make it the primary; returns once it takes writes."""
        connection = await asyncpg.connect(self.dsn())
        try:
            assert await connection.fetchval("select pg_promote(true, 60)")
        finally:
            await connection.close()

    def _password(self) -> str:
        return self._primary._password()

    def _create_cluster(self, data: Path, binaries: Path) -> None:
        data.mkdir(mode=0o700)
        if self._user is not None:
            self._user.chown(data)
        argv = (
            str(binaries / "pg_basebackup"), "-D", str(data), "-d", self._primary.dsn(),
            "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast",
            "--create-slot", f"--slot={_SLOT}",
        )  # fmt: skip
        options = self._as_user(argv, cwd=data).popen_options()
        done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, text=True, **options)
        if done.returncode != 0:
            raise StartError(f"pg_basebackup failed:\n{done.stdout}")
        self._created_marker.touch()


class PrimaryWithStandby:
    """Both servers; every commit of the primary waits until the standby has written it."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.primary = Postgres(folder / "primary", settings=settings)
        self.standby = Standby(folder / "standby", self.primary)

    def lose_primary(self) -> None:
        """End every process of the primary at once, as when its machine loses power."""
        assert self.primary.pid is not None
        postmaster = psutil.Process(self.primary.pid)
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        self.primary.kill()


@asynccontextmanager
async def running_with_standby(folder: Path, **settings: str) -> AsyncIterator[PrimaryWithStandby]:
    """Both servers, the standby synchronous; `settings` are the primary's."""
    servers = PrimaryWithStandby(folder, settings)
    with servers.primary, servers.standby:
        admin = await asyncpg.connect(servers.primary.dsn())
        await admin.execute("alter system set synchronous_standby_names = '*'")
        await admin.execute("select pg_reload_conf()")

        async def is_synchronous() -> bool:
            found = await admin.fetchval("select sync_state from pg_stat_replication")
            return bool(found == "sync")

        await eventually(is_synchronous, "a synchronous standby")
        await admin.close()
        yield servers
