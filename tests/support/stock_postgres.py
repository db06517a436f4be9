"""A PostgreSQL as Debian ships it: its own programs, its own configuration, with the JIT.

python -m tests.support.stock_postgres    sees to it that it is installed; exit code 1: it can't be

With `CIFT_TEST_PG=stock` tests run on such a server. The embedded wheel has no JIT, so what the
planner does with it shows here only. Debian's `pg_createcluster` makes the cluster; nothing but the
port, the folders and the listening address is ours.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cift_local.errors import LocalStackError, StartError
from cift_local.ports import LOOPBACK, free_port
from cift_local.postgres import reports_ready
from cift_local.privilege_drop import User
from cift_local.process_group import Program
from cift_local.servers import Server
from tests.support.debian import install

RELEASE = "15"
PACKAGE = f"postgresql-{RELEASE}"
PROGRAMS = Path(f"/usr/lib/postgresql/{RELEASE}")
NAME = "cift-test"

_OWNER = "postgres"
"""The user whom Debian's packages make; the server refuses to run as root."""


@dataclass(frozen=True, slots=True)
class Owner(User):
    """A user with all its groups: Debian's server reads its TLS key by one of them."""

    name: str

    def popen_options(self) -> dict[str, Any]:
        """Answers the `subprocess` options that drop to this user."""
        groups = os.getgrouplist(self.name, self.gid)
        return {"user": self.uid, "group": self.gid, "extra_groups": groups}


class StockPostgres(Server):
    """One server as Debian configures it, over a cluster that is made for it."""

    name = PACKAGE

    def __init__(self, folder: Path) -> None:
        """Nothing is touched before `start`."""
        super().__init__(folder, port=free_port())
        self._owner = _owner()
        self._password = secrets.token_urlsafe(24)

    def dsn(self, database: str = "postgres") -> str:
        """Answers the superuser's address of a database."""
        user = self._owner.name
        return f"postgresql://{user}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def program(self) -> Program:
        """Makes the cluster, answers the server over it."""
        self.claim()
        self._make_cluster()
        config = self.folder / "etc" / RELEASE / NAME / "postgresql.conf"
        options = (f"config_file={config}", f"listen_addresses={LOOPBACK}")
        argv = [str(PROGRAMS / "bin" / "postgres"), "-D", str(self._data)]
        for option in options:
            argv += ["-c", option]
        user = self._owner if os.geteuid() == 0 else None
        return Program(
            self.name, tuple(argv), self.log, cwd=self._data, user=user, stop_signal=signal.SIGINT
        )

    async def is_ready(self) -> bool:
        """Tells whether the server takes connections, by the status it writes for `pg_ctl`."""
        return reports_ready(self._data)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _make_cluster(self) -> None:
        password, sockets = self.folder / "password", self.folder / "run"
        password.write_text(self._password)
        sockets.mkdir()
        for path in (password, sockets):
            os.chown(path, self._owner.uid, self._owner.gid)
        argv = [
            "pg_createcluster", "--user", self._owner.name, "--port", str(self.port),
            "--datadir", str(self._data), "--socketdir", str(sockets),
            "--logfile", str(self.folder / "postgresql.log"), "--start-conf", "manual",
            "--locale", "C.UTF-8", RELEASE, NAME, "--", f"--pwfile={password}",
        ]  # fmt: skip
        environment = {**os.environ, "PG_CLUSTER_CONF_ROOT": str(self.folder / "etc")}
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
        password.unlink()
        if done.returncode:
            raise StartError(f"pg_createcluster failed:\n{done.stdout}{done.stderr}")


def ensure_installed() -> None:
    """Installs Debian's package where it is missing.

    Raises:
        LocalStackError: it is missing and can't be installed here, or it has no JIT.
    """
    if not (PROGRAMS / "bin" / "postgres").exists() or shutil.which("pg_createcluster") is None:
        install(PACKAGE)
    if not (PROGRAMS / "lib" / "llvmjit.so").exists():
        raise LocalStackError(f"{PROGRAMS} has no JIT (lib/llvmjit.so): it is not Debian's package")


def _owner() -> Owner:
    entry = pwd.getpwnam(_OWNER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    return Owner(entry.pw_uid, entry.pw_gid, entry.pw_name)


def main() -> int:
    """Answers the exit code."""
    try:
        ensure_installed()
    except LocalStackError as error:
        print(f"no stock PostgreSQL to test on: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
