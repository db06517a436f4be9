"""Where a case of the directed run is played: the cluster, a merchant, and the place of a death."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from tests.chaos.clients.merchant_client import LOOK_S, PATIENCE_S, MerchantClient, WrongEnd
from tests.chaos.cluster.cluster import Cluster

RICH = "cus_rich"
"""The customer whose money is paid out and exchanged."""


@dataclass
class ScenarioContext:
    """Where one case is played."""

    cluster: Cluster
    merchant: MerchantClient
    twin: httpx.AsyncClient
    service: str
    point: str

    def arm(self) -> None:
        """From here on the place is deadly, once."""
        self.cluster.arm(self.service, self.point)

    async def has_fired(self) -> bool:
        """Whether somebody has died there."""
        return self.cluster.fired(self.service)

    async def until(self, fact: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Wait for a fact.

        Raises:
            WrongEnd: it is not one within a minute.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (found := await fact()):
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise WrongEnd(f"never: {what}") from None
        return found

    async def query(self, sql: str, *args: Any) -> Any:
        """One value out of the database, as its owner sees it."""
        connection = await asyncpg.connect(self.cluster.database_url)
        try:
            return await connection.fetchval(sql, *args)
        finally:
            await connection.close()

    async def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Tell the twin something."""
        (await self.twin.request(method, path, json=body)).raise_for_status()

    @asynccontextmanager
    async def fault(self, operation: str, kind: str) -> AsyncIterator[None]:
        """The provider fails in this way throughout the block."""
        await self.control(
            "POST", "/control/faults", {"operation": operation, "kind": kind, "times": 1_000}
        )
        try:
            yield
        finally:
            await self.control("DELETE", "/control/faults")


Scenario = Callable[[ScenarioContext], Awaitable[None]]
