"""What a scenario works with: a cluster, two merchants, and the twins' levers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from cift_shared.rails.local import FINAL, local_rails
from tests.chaos.checks.checker import Verdict, check
from tests.chaos.clients.history import History
from tests.chaos.clients.merchant_client import MerchantClient
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.evidence.gathering import Places, gather

PATIENCE_S = 60.0
LOOK_S = 0.4
EARLY_S = 4.0
"""Enough for a payment to end that must not end yet."""
_STATES = " union all ".join(f"select state from {rail}.attempt" for rail in local_rails())


@dataclass(frozen=True, slots=True)
class ScenarioContext:
    """A running cluster with a merchant at work in it, and another one."""

    cluster: Cluster
    history: History
    merchant: MerchantClient
    other: MerchantClient
    twin: httpx.AsyncClient
    restarts: dict[str, int] = field(default_factory=dict)
    """How often a service had been brought back when it was armed."""

    def arm(self, service: str, point: str) -> None:
        """Let a service die at a fail point."""
        self.restarts[service] = self.cluster.status(service).restarts
        self.cluster.arm(service, point)

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        """Order a fault of the provider's."""
        order = {"operation": operation, "kind": kind, **more}
        (await self.twin.post("/control/faults", json=order)).raise_for_status()

    async def end_faults(self) -> None:
        """No provider fails any more."""
        (await self.twin.delete("/control/faults")).raise_for_status()

    async def skip(self, seconds: float) -> None:
        """Move the twins' clock by seconds of the providers'."""
        order = {"advance_s": seconds}
        (await self.twin.post("/control/clock", json=order)).raise_for_status()

    async def change_twin(self, **settings: Any) -> None:
        """Change settings of the twins."""
        (await self.twin.patch("/control/settings", json=settings)).raise_for_status()

    async def until(
        self, is_so: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S
    ) -> None:
        """Wait for a condition.

        Raises:
            TimeoutError: it did not come true in that time.
        """
        try:
            async with asyncio.timeout(within_s):
                while not is_so():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(what) from None

    async def died(self, service: str) -> None:
        """Wait until a service has died where it was armed, and everything serves again."""
        await self.until(lambda: self.cluster.fired(service), f"{service} never came there")
        was = self.restarts[service]
        await self.until(lambda: self.cluster.status(service).restarts > was, f"{service} is dead")
        await self.cluster.stack.wait_ready(service, PATIENCE_S)

    async def has_rows(self, counted: str, payments: str | list[str]) -> None:
        """Wait until a count about a payment, or about several, is not zero."""
        connection = await asyncpg.connect(self.cluster.database_url)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await connection.fetchval(counted, payments):
                    await asyncio.sleep(0.05)
        finally:
            await connection.close()

    async def query(self, query: str) -> Any:
        """One value from the database."""
        connection = await asyncpg.connect(self.cluster.database_url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def ends_within(self, payment_id: str, seconds: float) -> bool:
        """Whether a payment ends in that time."""
        try:
            async with asyncio.timeout(seconds):
                await self.merchant.reach(f"/payments/{payment_id}", FINAL)
        except TimeoutError:
            return False
        return True

    async def attempts_are_over(self) -> None:
        """Wait until the workers have nothing to do."""
        connection = await asyncpg.connect(self.cluster.database_url)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while {row["state"] for row in await connection.fetch(_STATES)} != {"done"}:
                    await asyncio.sleep(0.1)
        finally:
            await connection.close()

    async def judged(self, wanted: Collection[str], within_s: float) -> Verdict:
        """The verdict, once everything has ended soundly or a wanted check has found something.

        What is only on its way is not found: a finding must be there still at the next look.
        """
        cluster = self.cluster
        places = Places(cluster.database_url, cluster.twins, cluster.kafka, cluster.addresses())
        ends_at, found = time.monotonic() + within_s, False
        while True:
            verdict = check(await gather(places, self.history))
            before, found = found, any(each.by in wanted for each in verdict.findings)
            if verdict.is_sound and verdict.open == verdict.indefinite:
                return verdict
            if (found and before) or time.monotonic() > ends_at:
                return verdict
            await asyncio.sleep(2 * LOOK_S)


@contextlib.asynccontextmanager
async def opened_context(cluster: Cluster) -> AsyncIterator[ScenarioContext]:
    """A context in a cluster."""
    history = History()
    async with contextlib.AsyncExitStack() as held:
        merchants = [await MerchantClient.of(cluster, history, name) for name in ("m_one", "m_two")]
        for merchant in merchants:
            await held.enter_async_context(merchant.http)
        twin = await held.enter_async_context(httpx.AsyncClient(base_url=cluster.twin, timeout=30))
        yield ScenarioContext(cluster, history, merchants[0], merchants[1], twin)
