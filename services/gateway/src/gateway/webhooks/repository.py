"""The inbox: providers' notices, sealed, each stored once."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.messages import ProviderNotice
from gateway.database.outbox import outbox_row
from gateway.database.queries import load_statements

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

    async def take(self, notice: Notice) -> bool:
        """Store a notice with its message to the worker; returns False for a repeat."""
        content = notice.content
        failpoint("gateway.before_notice")
        new = await self._pool.fetchval(
            SQL["take_notice"],
            content.notice_id, content.provider, content.attempt_id, content.purpose,
            "quarantined" if notice.quarantined else "published",
            notice.source, content.source_listed, content.sealed_body, content.received_at,
            *outbox_row(notice.message),
        )  # fmt: skip
        failpoint("gateway.after_notice")
        return bool(new)

    async def delete_old(self, *, received_before: datetime) -> None:
        """Delete some of the published notices that were received before a moment."""
        await self._pool.execute(SQL["delete_old_notices"], received_before)
