"""The platform as processes, two of each service, each of them of the earlier release or of this.

All processes have the settings of the earlier release: an upgrade must need no others.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cift_local.ports import LOOPBACK, free_port
from cift_local.process_group import Program
from cift_local.stack import Options, Stack, replica
from cift_local.supervised_process import Part, SupervisedProcess
from cift_local.waiting import answers_ok
from tests.upgrade.release import Release

TWIN = "provider-sandbox"
REPLICAS = 2
SPEED = 8
"""How many times faster than the providers the twin is."""
START_WITHIN_S = 60.0
WATCH_EVERY_S = 0.2


@dataclass
class Platform:
    """The running processes, and the addresses of what they use."""

    folder: Path
    database: str
    kafka: str
    ports: Mapping[str, int]
    """Of the API and the twin."""
    ops_ports: Mapping[str, int]
    """Health and readiness; an earlier release has them on the port of the API."""
    services: Mapping[str, str]
    """The module of each service, in the order of their start."""
    variables: Mapping[str, str]
    processes: dict[str, SupervisedProcess] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    """The release that each process has now."""
    not_ready: list[str] = field(default_factory=list)
    """Processes that should have been ready and were not."""
    restarts: int = 0
    """How often a process ended by itself."""

    def __post_init__(self) -> None:
        self._starts = itertools.count(1)

    @classmethod
    def planned(cls, folder: Path, release: Release, database: str, kafka: str) -> "Platform":
        """A platform with the services and settings of a release; nothing is started."""
        ports = {name: free_port() for name in (TWIN, *_replicas("gateway"))}
        services, variables = release.settings(
            folder, database=database, kafka=kafka, ports=ports, speed=SPEED
        )
        ops_ports = {name: free_port() for each in services for name in _replicas(each)}
        return cls(folder, database, kafka, ports, ops_ports, services, variables)

    @property
    def log_folder(self) -> Path:
        """A log of each start of a process: its name, a running number, its release."""
        return self.folder / "logs"

    @property
    def stack(self) -> Stack:
        """As the local stack's helpers want it."""
        options = Options(self.folder, speed=SPEED, prefer_ports=False)
        return Stack(
            options, self.database, self.kafka, self.ports, self.ops_ports, dict(self.variables)
        )

    def replicas(self, service: str) -> list[str]:
        """The names of a service's processes."""
        return _replicas(service)

    def gateways(self) -> list[str]:
        """The addresses of the API."""
        return [self.stack.url(name) for name in _replicas("gateway")]

    async def start(self, name: str, release: Release) -> None:
        """Start a process of a release, in place of the one that runs under this name.

        Raises:
            StartError: it was not ready in time.
        """
        if old := self.processes.pop(name, None):
            self.restarts += old.status().restarts
            await old.stop()
        process = SupervisedProcess(self._part(name, release), lambda _: None)
        await process.start(START_WITHIN_S)
        self.processes[name], self.releases[name] = process, release.name

    async def stop(self) -> None:
        """Stop every process, the newest first."""
        for name in reversed(list(self.processes)):
            process = self.processes.pop(name)
            self.restarts += process.status().restarts
            await process.stop()

    async def cift(self, release: Release, *words: str) -> str:
        """What a release's `cift` command prints.

        Raises:
            RuntimeError: its exit status is not 0.
        """
        done = await asyncio.to_thread(release.cift, self.variables, *words)
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            raise RuntimeError(f"{release.name} cift {' '.join(words)}: {said}")
        return done.stdout.strip()

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """During the block, note each process that should be ready and is not."""
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            for name, process in list(self.processes.items()):
                if not await self._is_ready(name) and self.processes.get(name) is process:
                    self.not_ready.append(f"{self.releases[name]} {name}")
            await asyncio.sleep(WATCH_EVERY_S)

    async def _is_ready(self, name: str) -> bool:
        for url in self._health_urls(name):
            if await answers_ok(url):
                return True
        return False

    def _health_urls(self, name: str) -> list[str]:
        if name == TWIN:
            return [self.stack.url(TWIN) + "/control/health"]
        ports = {self.ops_ports[name], self.ports.get(name, self.ops_ports[name])}
        return [f"http://{LOOPBACK}:{port}/readyz" for port in sorted(ports)]

    def _part(self, name: str, release: Release) -> Part:
        service = next((each for each in self.services if name in _replicas(each)), name)
        module = self.services.get(service, service.replace("-", "_"))
        number = str(_replicas(service).index(name) + 1)
        port = str(self.ports.get(name) or self.ops_ports[name])
        ports = {
            "CIFT_HTTP_PORT": port,
            "CIFT_SANDBOX_HTTP_PORT": port,
            "CIFT_OPS_PORT": str(self.ops_ports.get(name, port)),
            "CIFT_INSTANCE": number,
        }
        program = Program(
            name,
            (str(release.python), "-m", module),
            self.log_folder / f"{name}.{next(self._starts)}.{release.name}.log",
            env={"PYTHONUNBUFFERED": "1", **self.variables, **ports},
            cwd=release.root,
        )
        return Part(name, lambda: program, is_ready=partial(self._is_ready, name))


def _replicas(service: str) -> list[str]:
    return [replica(service, number) for number in range(1, REPLICAS + 1)]
