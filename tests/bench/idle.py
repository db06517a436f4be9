"""Processor time and memory of the services when there is no traffic."""

import asyncio
from dataclasses import dataclass

from tests.bench.cluster import SERVICES, Cluster
from tests.bench.proc import cpu_ms, family, pss_mb

CALM_S = 3.0


@dataclass(frozen=True, slots=True)
class Idle:
    """Memory in MiB (PSS) and CPU in percent of one core, of each process."""

    memory_mb: dict[str, float]
    cpu_percent: dict[str, float]

    @property
    def service_mb_max(self) -> float:
        """Of the largest service of ours."""
        return max(self.memory_mb[name] for name in SERVICES)

    @property
    def services_percent(self) -> float:
        """Our services together."""
        return sum(self.cpu_percent[name] for name in SERVICES)

    @property
    def all_percent(self) -> float:
        """With PostgreSQL, Kafka and the twin."""
        return sum(self.cpu_percent.values())


async def idle(cluster: Cluster, seconds: float) -> Idle:
    """Measures the idle services for some seconds."""
    await asyncio.sleep(CALM_S)
    families = {name: family(pid) for name, pid in cluster.pids().items()}
    before = {name: sum(map(cpu_ms, pids)) for name, pids in families.items()}
    await asyncio.sleep(seconds)
    used = {name: sum(map(cpu_ms, pids)) - before[name] for name, pids in families.items()}
    return Idle(
        {name: sum(map(pss_mb, pids)) for name, pids in families.items()},
        {name: ms / seconds / 10 for name, ms in used.items()},
    )
