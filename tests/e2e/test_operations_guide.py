"""docs/operations.md as its reader follows it: every block, in order, in an empty home folder.

Then every block of the runbooks and of docs/support.md, on the platform that runs by then.

PostgreSQL and a broker that the test starts stand in for the reader's own. The login that the guide
is given may create roles and databases; everything else it makes itself.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cift_local.ports import LOOPBACK, free_port, is_free
from cift_local.postgres import Postgres
from cift_local.postgres_binaries import embedded_binaries
from cift_local.privilege_drop import unprivileged_user
from tests.support import kafka
from tests.support.guide import Block, keeps, read_blocks, run_blocks
from tests.support.postgres import throw_away_folder

CHECKOUT = Path(__file__).parents[2]
GUIDE = CHECKOUT / "docs" / "operations.md"
RUNBOOKS = CHECKOUT / "docs" / "runbooks"
OTHERS = [
    RUNBOOKS / "README.md",
    *sorted(set(RUNBOOKS.glob("*.md")) - {RUNBOOKS / "README.md"}),
    CHECKOUT / "docs" / "support.md",
]
"""Pages for the running platform that the guide has set up, the one with their helpers first."""
PORTS = 10
TIMEOUT_S = 1200
NOT_RUN_HERE = [
    # needs payments in review
    (
        'as operator cift ledger resolve 0190… --as completed --reason "statement of 3 March shows'
        ' 90.00" --operator amina'
    ),
    # needs Safaricom's statement of real money
    (
        "as operator cift reconcile mpesa --mode live --from 2026-11-22 --to 2026-11-22"
        " --statement statement.csv   # or an address, or -"
    ),
    # needs a lost server: `make restore-drill`
    "as migrator cift restored --to 2026-11-22T09:30:12.345Z",
    # needs a later version
    'git -C "$CHECKOUT" fetch --tags && git -C "$CHECKOUT" checkout v1.2.0',
]


def test_few_blocks_are_not_run() -> None:
    blocks = [*guide(), *runbooks()]
    assert [block.name for block in blocks if not block.is_run] == NOT_RUN_HERE
    assert [block.name for block in blocks if block.is_run and block.promised is None] == []


@pytest.mark.integration
@pytest.mark.e2e
@pytest.mark.timeout(TIMEOUT_S + 60)
class TestEveryBlock:
    def test_runs(self) -> None:
        with kafka.running_embedded_broker() as broker:
            follow(broker.bootstrap)

    @pytest.mark.kafka
    def test_runs_on_apache_kafka(self) -> None:
        with kafka.running_kafka() as broker:  # of its own: the guide makes the topics
            follow(broker.bootstrap)


def guide() -> list[Block]:
    return read_blocks(GUIDE.read_text("utf-8"))


def runbooks() -> list[Block]:
    return [block for page in OTHERS for block in read_blocks(page.read_text("utf-8"))]


def follow(bootstrap: str) -> None:
    """Run the guide, and the runbooks before it stops; hold what they print against the text."""
    *setting_up, stop = guide()
    blocks = [block for block in (*setting_up, *runbooks(), stop) if block.is_run]
    with throw_away_folder("guide") as folder, Postgres(folder / "postgres") as database:
        home = folder / "home"
        home.mkdir()
        environment = {
            "PATH": f"{embedded_binaries(unprivileged_user())}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "CHECKOUT": str(CHECKOUT),
            "DB": f"{LOOPBACK}:{database.port}",
            "DB_ADMIN": database.dsn(),
            "KAFKA": bootstrap,
            "FIRST_PORT": str(free_ports(PORTS)),
        }
        with nothing_left_running(home / "cift" / "run"):
            printed = run_blocks(blocks, environment=environment, folder=home, timeout_s=TIMEOUT_S)
    for block, output in zip(blocks, printed, strict=True):
        assert keeps(block.promised or "", output), f"{block.script}\nprinted:\n{output}"


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        first = free_port()
        if all(is_free(first + n) for n in range(1, count)):
            return first


@contextmanager
def nothing_left_running(folder: Path) -> Iterator[None]:
    """End what a guide that failed half way has started."""
    try:
        yield
    finally:
        for file in folder.glob("*.pid"):
            with suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)
