"""Where asyncpg stands, so that `AttemptStore` and `Relay` run as they are: a pool and sessions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from tests.simulation.loop import Network
from tests.simulation.memory_sql import Row, Schema


def away(how: str) -> BaseException:
    """How a database that can't be reached shows itself."""
    if how == "refused":
        return ConnectionRefusedError("database")
    return asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


class MemoryPool:
    """Where asyncpg's pool stands."""

    def __init__(self, schema: Schema, network: Network) -> None:
        self._schema = schema
        self._network = network

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        return await self._session().fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        return await self._session().fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self._session().fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> None:
        await self._session().fetch(sql, *args)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["Session"]:
        yield self._session()

    def _session(self) -> "Session":
        return Session(self._schema, self._network)


class Session:
    """Where asyncpg's connection stands.

    Statements inside a transaction don't wait, so nothing comes between them: the transaction is
    one step that happens, or does not, at its commit.
    """

    def __init__(self, schema: Schema, network: Network) -> None:
        self._schema = schema
        self._network = network
        self._within = False

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        if self._within:
            return self._schema.run(sql, args)
        return await self._network.call(
            "database",
            self._schema.label(sql),
            lambda: self._schema.run(sql, args),
            away,
            patience_s=0.2,
        )

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *args: Any) -> Any:
        rows = await self.fetch(sql, *args)
        return next(iter(rows[0].values())) if rows else None

    async def execute(self, sql: str, *args: Any) -> None:
        await self.fetch(sql, *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        network = self._network
        await network.call("database", f"{self._schema.name}.begin", lambda: None, away)
        before = self._schema.snapshot()
        self._within = True
        try:
            yield
            lost = network.commit(self._schema.name)
            if lost in ("refused", "before"):
                raise away("before")
        except BaseException:
            self._schema.restore(before)
            raise
        finally:
            self._within = False
        network.committed(self._schema.name, lost)
        if lost is not None:
            raise away("after")
