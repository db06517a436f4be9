"""A small cluster for scenarios without faults of the servers: no links, the embedded broker."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from cift_local.stack import Options, running_stack
from tests.chaos.cluster.cluster import QUICK, SERVICES, Cluster, failpoint_file

SPEED = 40
SETTINGS: Mapping[str, str] = {
    **QUICK,
    # without these rules of the twin's a second push would be refused and a bug would not show
    "CIFT_SANDBOX_LOCK_S": "0",
    "CIFT_SANDBOX_SAME_AMOUNT_S": "0",
    "STRIPE_MAX_NETWORK_RETRIES": "0",
}


@contextlib.asynccontextmanager
async def light_cluster(folder: Path, *, replicas: int = 1) -> AsyncIterator[Cluster]:
    """Run PostgreSQL, the embedded broker, the twins and every service in an empty folder."""
    (folder / "failpoints").mkdir()
    env = {name: {"CIFT_FAILPOINT_FILE": str(failpoint_file(folder, name))} for name in SERVICES}
    options = Options(
        folder,
        speed=SPEED,
        prefer_ports=False,
        extra_env=SETTINGS,
        service_env=env,
        replicas=replicas,
    )
    async with running_stack(options) as stack:
        yield Cluster(
            folder,
            stack,
            stack.database_url,
            stack.kafka_bootstrap_servers,
            links={},
            servers=stack.supervisors[0],
            env=env,
        )
