"""The statuses of rails in the database: the newest report of each worker's process."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
from pydantic import TypeAdapter

from cift_shared.database.pool import Pool
from cift_shared.messaging.rail_status import NetworkFee, RailStatus
from gateway.database.queries import fetch_rows, load_statements
from gateway.payment_options.availability import FRESH, Report

SQL = load_statements("gateway.payment_options")
_ESTIMATES = TypeAdapter(list[NetworkFee])


class RailStatusRepository:
    """Stores, reads and deletes reports."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def save(self, statuses: Sequence[RailStatus], *, now: datetime) -> None:
        """Store reports, at most one of each process; one older than the stored has no effect."""
        await self._pool.execute(
            SQL["save_statuses"],
            [status.rail for status in statuses],
            [status.instance for status in statuses],
            [status.available for status in statuses],
            [status.reason for status in statuses],
            [status.reported_at for status in statuses],
            now,
            FRESH,
            [",".join(status.float_low or ()) for status in statuses],
            [_estimates_of(status, now) for status in statuses],
        )

    async def all(self) -> Sequence[Report]:
        """Every stored report."""
        rows = await fetch_rows(self._pool, SQL["statuses"])
        return [
            Report(**{**row, "network_fees": _ESTIMATES.validate_python(row["network_fees"])})
            for row in rows
        ]

    async def delete_old(self, *, seen_before: datetime) -> None:
        """Delete the reports of processes that have been silent since before a moment."""
        await self._pool.execute(SQL["delete_old_statuses"], seen_before)


def _estimates_of(status: RailStatus, now: datetime) -> str:
    """The estimates of a report as stored; their times are set back if its clock is ahead of ours.

    So a wrong clock never makes an old estimate a new one.
    """
    ahead = max(status.reported_at - now, timedelta(0))
    return _ESTIMATES.dump_json(
        [
            fee.model_copy(update={"estimated_at": fee.estimated_at - ahead})
            for fee in status.network_fees or ()
        ]
    ).decode()
