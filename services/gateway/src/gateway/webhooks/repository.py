"""The inbox: providers' notices, sealed, each stored once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.messages import ProviderNotice
from gateway.database.groups import GroupWriter, Written
from gateway.database.outbox import outbox_row
from gateway.database.queries import fetch_rows, load_statements

SQL = load_statements("gateway.webhooks")


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's notice, its source address, and its message for the worker."""

    content: ProviderNotice
    source: str
    quarantined: bool
    message: OutgoingMessage


class NoticeRepository:
    """Stores notices, and deletes old ones."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._writer: GroupWriter[Notice, bool] = GroupWriter(
            self._take_group, lambda notice: notice.content.notice_id
        )

    async def take(self, notice: Notice) -> bool:
        """Store a notice with its message to the worker, in one statement with others.

        Returns False for a repeat.
        """
        return await self._writer.write(notice)

    async def _take_group(self, group: Sequence[Notice]) -> Written[bool]:
        columns = zip(*(_columns(notice) for notice in group), strict=True)
        failpoint("gateway.before_notice")
        rows = await fetch_rows(self._pool, SQL["take_notice"], *columns)
        failpoint("gateway.after_notice")
        new = {row["notice_id"] for row in rows}
        return [notice.content.notice_id in new for notice in group]

    async def delete_old(self, *, received_before: datetime) -> None:
        """Delete some of the published notices that were received before a moment."""
        await self._pool.execute(SQL["delete_old_notices"], received_before)


def _columns(notice: Notice) -> tuple[Any, ...]:
    """The element of each argument of `sql/take_notice.sql`."""
    content = notice.content
    return (
        content.notice_id, content.provider, content.attempt_id, content.purpose,
        "quarantined" if notice.quarantined else "published",
        notice.source, content.source_listed, content.sealed_body, content.received_at,
        *outbox_row(notice.message),
    )  # fmt: skip
