"""The drill: what is done to the platform while payments are made, and what was seen.

old code serves
-> this release's `cift migrate` and `cift topics` while old code serves
-> this release's code, one process after the other, in the order of docs/operations.md
-> back to the old code on the new schema, in the reverse order
-> this release's code again, in the reverse order, too
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.upgrade.load import Load
from tests.upgrade.newer_kind import NewerKind
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
        await self.platform.cift(self.old, "migrate")
        await self.platform.cift(self.old, "topics")
        await self.platform.start(TWIN, self.old)
        for service in self.platform.services:
            for name in self.platform.replicas(service):
                await self.platform.start(name, self.old)
        key = await self.platform.cift(self.old, "api-key", "create", *MERCHANT)
        methods = {name.partition("-")[0] for name in self.platform.services}
        load = Load(self.platform.gateways(), key, frozenset(methods))
        await load.fund()
        return load

    async def _upgrade(self, load: Load) -> None:
        newer = NewerKind(self.platform, self.new)
        order = order_of_upgrade(self.platform.services)
        async with self._step("old", load):
            pass
        async with self._step("migrated", load):
            await self.platform.cift(self.new, "migrate")
            await self.platform.cift(self.new, "topics")
        async with self._step("forward", load):
            await self._replace(order, self.new)
        async with self._step("back", load):
            await self._replace(order[::-1], self.old)
            await self.platform.cift(self.old, "migrate")
            found = await finding(self.old, self.platform, "verify-books")
            self.report["earlier_verify_books"] = found
            await newer.send()
            self.report["newer_kind_in_old_code"] = await newer.handled()
        async with self._step("forward_again", load):
            await self._replace(order[::-1], self.new)
            await newer.replay()

    async def _replace(self, services: Sequence[str], release: Release) -> None:
        """Replace the processes of services one by one."""
        for service in services:
            for process in self.platform.replicas(service):
                await self.platform.start(process, release)

    @contextlib.asynccontextmanager
    async def _step(self, name: str, load: Load) -> AsyncIterator[None]:
        """A step with its figures; payments go on for a while after it."""
        began, before = time.monotonic(), len(load.orders)
        load.slowest_s = 0.0
        yield
        seconds = time.monotonic() - began
        await asyncio.sleep(SETTLE_S)
        self.report[name] = {
            "seconds": round(seconds, 1),
            "payments": len(load.orders) - before,
            "slowest_request_s": round(load.slowest_s, 2),
        }


async def drill(
    folder: Path, old: Release, new: Release, *, database: str, kafka: str
) -> dict[str, Any]:
    """Run the drill on an empty database and an empty broker; returns its report."""
    platform = await asyncio.to_thread(Platform.planned, folder, old, database, kafka)
    return await Drill(old, new, platform).run()
