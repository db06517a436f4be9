"""A PostgreSQL server with base backups and an archive of its log, and its restore from both."""

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import asyncpg
import psutil

from cift_local.errors import StartError
from cift_local.postgres import Postgres
from cift_local.postgres_binaries import embedded_binaries
from tests.support.eventually import eventually

_ARCHIVED = "select last_archived_wal >= $1 from pg_stat_archiver"
_REPLAYED_TO = "select pg_last_xact_replay_timestamp()"


class ArchivingPostgres(Postgres):
    """A server that copies each full segment of its log to a folder outside of its own."""

    def __init__(self, folder: Path, archive: Path, *, port: int | None = None) -> None:
        """`archive` is the folder of the copies; the server's user gets it."""
        part, whole = f"{archive}/%f.part", f"{archive}/%f"
        copy = f"test ! -f {whole} && cp %p {part} && mv {part} {whole}"
        settings = {"archive_mode": "on", "archive_command": copy}
        super().__init__(folder, port=port, settings=settings)
        archive.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            self._user.chown(archive)

    def back_up(self, to: Path) -> None:
        """Take a base backup; the log that it needs is in the archive."""
        to.mkdir(mode=0o700)
        if self._user is not None:
            self._user.chown(to)
        binaries = embedded_binaries(self._user)
        argv = (
            str(binaries / "pg_basebackup"), "-D", str(to), "-d", self.dsn(),
            "--wal-method=none", "--checkpoint=fast", "--no-manifest",
        )  # fmt: skip
        options = self._as_user(argv, cwd=to).popen_options()
        done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, text=True, **options)
        if done.returncode != 0:
            raise StartError(f"pg_basebackup failed:\n{done.stdout}")

    async def archive_now(self) -> None:
        """Close the current segment of the log, and wait until it is in the archive."""
        connection = await asyncpg.connect(self.dsn())
        segment = await connection.fetchval("select pg_walfile_name(pg_switch_wal())")

        async def is_archived() -> bool:
            return bool(await connection.fetchval(_ARCHIVED, segment))

        await eventually(is_archived, f"segment {segment} in the archive")
        await connection.close()

    def lose(self) -> None:
        """End every process at once, and delete the data with the log that is not archived yet."""
        assert self.pid is not None
        postmaster = psutil.Process(self.pid)
        for process in (postmaster, *postmaster.children(recursive=True)):
            process.kill()
        self.kill()
        shutil.rmtree(self.data_folder)


class RestoredPostgres(Postgres):
    """A server from a base backup and the archive, with everything that the archive has."""

    name = "postgres-restored"

    def __init__(self, folder: Path, lost: Postgres, backup: Path, archive: Path) -> None:
        """It answers at the address of the lost server, with its passwords."""
        settings = {"restore_command": f"cp {archive}/%f %p"}
        super().__init__(folder, port=lost.port, settings=settings)
        self._lost, self._backup = lost, backup

    async def replayed_to(self) -> datetime:
        """When the last transaction that it has was committed."""
        connection = await asyncpg.connect(self.dsn())
        try:
            moment: datetime = await connection.fetchval(_REPLAYED_TO)
            return moment
        finally:
            await connection.close()

    def _password(self) -> str:
        return self._lost._password()

    def _create_cluster(self, data: Path, binaries: Path) -> None:
        shutil.copytree(self._backup, data)
        data.chmod(0o700)
        (data / "recovery.signal").touch()
        self._created_marker.touch()
