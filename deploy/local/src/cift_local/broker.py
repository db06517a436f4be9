"""The embedded broker: noida-db, one native program with the Kafka protocol, for demo and tests.

It starts within a second and needs no Java, but it acknowledges before it writes: `kill -9` loses
the records that it acknowledged in its last second. Stop it cleanly, and use `cift_local.kafka` for
crash tests.
"""

import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cift_local.errors import LocalStackError
from cift_local.kafka_probe import serves_metadata
from cift_local.ports import LOOPBACK, free_port
from cift_local.process_group import Program
from cift_local.servers import Server


class EmbeddedBroker(Server):
    """One noida-db process that serves only the Kafka protocol."""

    name = "broker"

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        """Topics and records are stored in `folder`."""
        super().__init__(folder, port=port or free_port(), log=log)

    @property
    def bootstrap(self) -> str:
        """The bootstrap address for clients."""
        return f"{LOOPBACK}:{self.port}"

    def program(self) -> Program:
        """Lock the folder, end a broker of a dead owner, return the program to run."""
        self.claim()
        binary, data = broker_binary(), self.folder / "data"
        if (data / "noida.control.json").exists():
            down = [str(binary), "down", "--data-dir", str(data)]
            subprocess.run(down, check=False, capture_output=True, timeout=self.stop_timeout_s)
        options = ("--data-dir", str(data), "--host", LOOPBACK, "--kafka-port", str(self.port))
        return Program(self.name, (str(binary), "start", "--only", "kafka", *options), self.log)

    async def is_ready(self) -> bool:
        """Return True when it answers a metadata request."""
        return await serves_metadata(LOOPBACK, self.port)


def broker_binary() -> Path:
    """Return the path of noida-db's native program.

    Its Python wrapper can't be used: after a SIGTERM to the wrapper the native child keeps running.

    Raises:
        LocalStackError: The package is not installed.
    """
    found = find_spec("noida_db")
    if found is None or found.origin is None:
        message = "the package noida-db is missing: run `make setup`"
        raise LocalStackError(message)
    binary = Path(found.origin).parent / "noida-db"
    if not binary.stat().st_mode & 0o100:
        binary.chmod(0o755)
    return binary


def broker_version() -> str:
    """Return the release of noida-db."""
    return version("noida-db")
