"""The drill: what is done to the platform while payments are made, and what was seen.

old code serves
-> this release's `cift migrate` and `cift topics` while old code serves
-> this release's code, one process after the other, in the order of docs/operations.md
-> back to the old code on the new schema, in the reverse order
-> this release's code again, in the reverse order, too
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.upgrade.load import Load
from tests.upgrade.platform import TWIN, Platform
from tests.upgrade.release import Release
from tests.upgrade.results import finding, results

SETTLE_S = 5.0
"""How long payments are made in each state of the platform before the next step."""
MERCHANT = ("--merchant", "m_upgrade", "--name", "drill")


def order_of_upgrade(services: Iterable[str]) -> list[str]:
    """Services in the order of an upgrade: who reads a message before who sends it."""
    workers = [name for name in services if name not in ("ledger", "gateway")]
    return ["ledger", *workers, "gateway"]


@dataclass
class Drill:
    """One drill."""

    old: Release
    new: Release
    platform: Platform
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    report: dict[str, Any] = field(default_factory=dict)

    async def run(self) -> dict[str, Any]:
        """The whole drill; what it found."""
        try:
            load = await self._start()
            async with self.platform.watched(), load.running():
                await self._upgrade(load)
            self.report |= await results(self.platform, load, self.new, self.began)
            await load.close()
        finally:
            await self.platform.stop()
        return self.report

    async def _start(self) -> Load:
        """The earlier release with its own schema and topics, and the deposits to spend."""
        await self._cift(self.old, "migrate")
        await self._cift(self.old, "topics")
        await self.platform.start(TWIN, self.old)
        for service in self.platform.services:
            for name in self.platform.replicas(service):
                await self.platform.start(name, self.old)
        key = await self._cift(self.old, "api-key", "create", *MERCHANT)
        methods = {name.partition("-")[0] for name in self.platform.services}
        load = Load(self.platform.gateways(), key, frozenset(methods))
        await load.fund()
        return load

    async def _upgrade(self, load: Load) -> None:
        await self._step("old", load, [], self.old)
        began = time.monotonic()
        await self._cift(self.new, "migrate")
        await self._cift(self.new, "topics")
        self.report["migrate_s"] = round(time.monotonic() - began, 1)
        await self._step("migrated", load, [], self.old)
        order = order_of_upgrade(self.platform.services)
        await self._step("forward", load, order, self.new)
        await self._step("back", load, order[::-1], self.old)
        await self._cift(self.old, "migrate")
        self.report["earlier_verify_books"] = await finding(self.old, self.platform, "verify-books")
        await self._step("forward_again", load, order[::-1], self.new)

    async def _step(self, name: str, load: Load, services: Sequence[str], release: Release) -> None:
        """Replace the processes of services one by one, and go on paying for a while."""
        began, before = time.monotonic(), len(load.orders)
        for service in services:
            for process in self.platform.replicas(service):
                await self.platform.start(process, release)
        await asyncio.sleep(SETTLE_S)
        seconds = round(time.monotonic() - began, 1)
        self.report[name] = {"seconds": seconds, "payments": len(load.orders) - before}

    async def _cift(self, release: Release, *words: str) -> str:
        done = await asyncio.to_thread(release.cift, self.platform.variables, *words)
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            raise RuntimeError(f"{release.name} cift {' '.join(words)}: {said}")
        return done.stdout.strip()


async def drill(
    folder: Path, old: Release, new: Release, *, database: str, kafka: str
) -> dict[str, Any]:
    """Run the drill on an empty database and an empty broker; returns its report."""
    platform = await asyncio.to_thread(Platform.planned, folder, old, database, kafka)
    return await Drill(old, new, platform).run()
