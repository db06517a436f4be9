"""Loops that are cancelled end, even when the database goes away at the same moment."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from cift_shared.attempts.engine import ClaimLoop
from cift_shared.messaging.outbox import Relay


class GoneConnection:
    """Leads with an empty outbox; by the end the pool has taken the broken connection back."""

    def __init__(self) -> None:
        self.leads = asyncio.Event()

    async def fetchval(self, *_: Any) -> int:
        return 1

    async def fetchrow(self, *_: Any) -> None:
        return None

    async def fetch(self, *_: Any) -> list[Any]:
        self.leads.set()
        return [{"left_s": 6.0, "id": None}]

    async def execute(self, *_: Any) -> None:
        raise asyncpg.InterfaceError("connection has been released back to the pool")


class Pool:
    """Hands out that connection."""

    def __init__(self, connection: GoneConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self):
        yield self._connection


class GoneEngine:
    """Claims until it is told that the database is gone."""

    def __init__(self) -> None:
        self.claims, self.gone = asyncio.Event(), asyncio.Event()

    async def recover(self) -> None: ...

    async def claim(self, *_: Any, limit: int) -> list[Any]:
        self.claims.set()
        await self.gone.wait()
        raise ConnectionRefusedError


async def test_a_claim_that_fails_does_not_swallow_the_stop():
    engine: Any = GoneEngine()
    loop = ClaimLoop("dispatch", engine, ("ready",), work=engine.claim, concurrency=1)
    task = asyncio.create_task(loop.run())
    await engine.claims.wait()
    task.cancel()
    await asyncio.sleep(0)
    engine.gone.set()
    await asyncio.wait({task}, timeout=30)
    assert task.cancelled()


async def test_a_relay_whose_connection_is_gone_does_not_swallow_the_stop():
    connection = GoneConnection()
    relay: Any = Relay(Pool(connection), "ledger", publisher=None)
    task = asyncio.create_task(relay.run())
    await connection.leads.wait()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=30)
    task.cancel()
    assert done
    assert task.cancelled()
