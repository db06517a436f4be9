"""The ledger's calls to PostgreSQL; the SQL functions in `functions/` contain the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from cift_shared.messaging.messages import PaymentResult
from ledger.posting.domain import Outcome

_POST_SETTLEMENT = "select ledger.apply_post_settlement($1::text::jsonb, $2)"
_RECEIVE = "select ledger.receive($1::text::jsonb, $2)"
_CHARGE = "select ledger.charge($1::text::jsonb, $2)"
_ONE_BY_ONE = {
    "reversed": _POST_SETTLEMENT,
    "reinstated": _POST_SETTLEMENT,
    "disputed": _POST_SETTLEMENT,
    "received": _RECEIVE,
    "charged": _CHARGE,
}
"""Kinds of results that are applied one by one, with their statements."""
_APPLY = """
select outcome from ledger.apply_results($1::text::jsonb, $2::text[]) order by place
"""
_EXPIRE_HOLDS = "select ledger.expire_holds($1, $2)"
_SWEEP = "select ledger.sweep($1, $2)"
_STUCK = """
select method, status, count(*) as payments from ledger.overdue($1) group by method, status
union all
select method, status, count(*) from ledger.unfinished join ledger.payment using (payment_id)
where status = 'in_review' group by method, status
"""


@dataclass(frozen=True, slots=True)
class Stuck:
    """How many payments of a method wait in one status for a worker or for an operator."""

    method: str
    status: str
    payments: int


class LedgerStore:
    """Access to the ledger tables through the SQL functions that enforce the rules."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def apply_results(
        self, results: Sequence[PaymentResult], traceparents: Sequence[str | None]
    ) -> list[Outcome]:
        """Apply results in the given order; return one outcome per result, in the same order.

        A batch is one transaction, with one exception: every result of a kind in `_ONE_BY_ONE`
        (about a completed payment, or about what no command asked for) has its own transaction and
        splits the batch at its place. When a later part fails, the caller repeats the whole batch.

        Args:
            results: in the order they were read; a repeated result changes nothing.
            traceparents: the trace context that came with each result, for the events it causes.

        Raises:
            asyncpg.IntegrityConstraintViolationError: the batch would violate an invariant of the
                ledger (a balance below its floor, entries that don't sum to zero); nothing of that
                part was applied.
        """
        pairs = list(zip(results, traceparents or [None] * len(results), strict=True))
        outcomes: list[Outcome] = []
        for one_by_one, part in groupby(pairs, lambda pair: pair[0].kind in _ONE_BY_ONE):
            if one_by_one:
                outcomes += [await self._apply_one(*pair) for pair in part]
            else:
                outcomes += await self._apply_batch(*zip(*part, strict=True))
        return outcomes

    async def _apply_one(self, result: PaymentResult, traceparent: str | None) -> Outcome:
        outcome = await self._pool.fetchval(
            _ONE_BY_ONE[result.kind], result.model_dump_json(exclude_none=True), traceparent
        )
        failpoint("ledger.after_aftermath")
        return Outcome(outcome)

    async def _apply_batch(
        self, results: Sequence[PaymentResult], traceparents: Sequence[str | None]
    ) -> list[Outcome]:
        body = "[" + ",".join(result.model_dump_json(exclude_none=True) for result in results) + "]"
        traces = list(traceparents) if any(traceparents) else None
        rows = await self._pool.fetch(_APPLY, body, traces)
        return [Outcome(row["outcome"]) for row in rows]

    async def sweep(self, *, now: datetime, limit: int) -> int:
        """Publish the commands of overdue payments again; returns the number of commands."""
        return int(await self._pool.fetchval(_SWEEP, now, limit))

    async def expire_holds(self, *, now: datetime, limit: int) -> int:
        """End holds whose expiry time has passed; returns the number of holds."""
        return int(await self._pool.fetchval(_EXPIRE_HOLDS, now, limit))

    async def stuck(self, *, now: datetime) -> list[Stuck]:
        """Count the payments that are overdue or in review, by method and status."""
        rows = await self._pool.fetch(_STUCK, now)
        return [Stuck(row["method"], row["status"], row["payments"]) for row in rows]
