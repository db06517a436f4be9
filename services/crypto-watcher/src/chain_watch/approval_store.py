"""Approvals in PostgreSQL, in the schema of a chain's signer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from chain_watch.approvals import Decision, Terms
from chain_watch.fence import fenced
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.money.amount import Money

DECISION = """
select is_approved, script, minor, currency from {schema}.approval where payment_id = $1
"""
LIMITS = "select currency, minor from {schema}.approval_limit"
CLEAR_LIMITS = "delete from {schema}.approval_limit"
STORE_LIMIT = "insert into {schema}.approval_limit (currency, minor) values ($1, $2)"
WAITS = """
select d.is_approved,
       exists (select from {schema}.approval_limit as l
                where l.currency = $2 and l.minor < $3) as is_needed
  from (select) as one left join {schema}.approval as d on d.payment_id = $1
"""


@dataclass(frozen=True, slots=True)
class Approval:
    """How far a withdrawal is approved, as the watcher reads it."""

    is_approved: bool | None
    """None: nobody has decided."""
    is_needed: bool

    @property
    def is_rejected(self) -> bool:
        """True: it is never paid."""
        return self.is_approved is False

    @property
    def is_waiting(self) -> bool:
        """True until a person has decided."""
        return self.is_needed and self.is_approved is None


class Approvals:
    """Of one signer's schema."""

    def __init__(self, schema: str) -> None:
        self._schema = schema

    async def decision(self, connection: Connection, payment_id: UUID) -> Decision | None:
        """What was decided; None: nothing."""
        row = await connection.fetchrow(self._sql(DECISION), payment_id)
        if row is None:
            return None
        terms = Terms(row["script"], int(row["minor"]), row["currency"])
        return Decision(row["is_approved"], terms)

    async def of(
        self, session: "Connection | Pool[asyncpg.Record]", payment_id: UUID, amount: Money
    ) -> Approval:
        """How far a withdrawal is approved."""
        row: Any = await session.fetchrow(
            self._sql(WAITS), payment_id, amount.currency, amount.minor
        )
        return Approval(row["is_approved"], row["is_needed"])

    async def publish(
        self, pool: "Pool[asyncpg.Record]", lease: Lease, limits: Mapping[str, int]
    ) -> None:
        """Say what needs an approval: by currency, the amount above which it does.

        Raises:
            LeaseLost: another process leads; nothing was changed.
        """
        rows = await pool.fetch(self._sql(LIMITS))
        if {row["currency"]: int(row["minor"]) for row in rows} == dict(limits):
            return
        async with fenced(pool, self._schema, lease) as connection:
            await connection.execute(self._sql(CLEAR_LIMITS))
            await connection.executemany(self._sql(STORE_LIMIT), list(limits.items()))

    def _sql(self, text: str) -> str:
        return text.format(schema=self._schema)
