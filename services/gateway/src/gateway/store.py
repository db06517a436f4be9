"""What the gateway reads and writes about payments: statements in `sql/`, one round trip each.

Saved methods are in `methods_store`, disputes in `disputes_store`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

import asyncpg

from cift_shared.database import Pool
from cift_shared.envelope import OutgoingMessage
from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint
from cift_shared.messages import ProviderNotice
from cift_shared.service import ready
from gateway.accept import KEY_LIFETIME, Acceptance, TakenBy
from gateway.auth import Caller
from gateway.cursors import TimeCursor
from gateway.statements import SQL, Row, fetch_row, fetch_rows, outbox_row

_ACCEPT = {name: SQL["accept"].replace("{accept}", f"ledger.{name}") for name in get_args(TakenBy)}


class KeyInFlight(Exception):
    """Another request with the same idempotency key is being accepted right now."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An idempotency key in its scope."""

    caller: Caller
    route: str
    key_digest: str
    """Keyed hash of the key: callers may put anything into it."""
    request_digest: str


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What an accepted request was answered with."""

    request_digest: str
    resource_id: UUID
    """What it made."""
    status: int
    location: str
    reply: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's notice, where it came from, and its message for the worker."""

    content: ProviderNotice
    source: str
    quarantined: bool
    message: OutgoingMessage


class Store:
    """The gateway's view of the database; every read is bound to the caller's merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def accept(
        self, key: RequestKey, acceptance: Acceptance, *, now: datetime
    ) -> dict[str, Any] | None:
        """Accept a payment with its command, or a conversion, in one statement.

        Answers its first reply, None when the key was used before.

        Raises:
            KeyInFlight: the same key is being accepted by another request.
            asyncpg.PostgresError: with the ledger's own SQLSTATE (CF...) for what it refuses.
        """
        failpoint("gateway.before_commit")
        try:
            row = await self._pool.fetchrow(
                _ACCEPT[acceptance.taken_by],
                key.caller.merchant_id, key.caller.livemode, key.route, key.key_digest,
                key.request_digest, acceptance.row, acceptance.resource_id, acceptance.location,
                acceptance.reply, now, now + KEY_LIFETIME, acceptance.status,
                *outbox_row(acceptance.message),
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "idempotency_key_pkey":
                raise
            return None
        failpoint("gateway.after_commit")
        if row is None or not row["held"]:
            raise KeyInFlight
        reply: dict[str, Any] | None = row["reply"]
        return reply

    async def stored_reply(self, key: RequestKey) -> StoredReply | None:
        """What the key's first request was answered with."""
        row = await self._pool.fetchrow(
            SQL["stored_reply"],
            key.caller.merchant_id, key.caller.livemode, key.route, key.key_digest,
        )  # fmt: skip
        if row is None:
            return None
        return StoredReply(**row)

    async def cancel(
        self, caller: Caller, payment_id: UUID, message: OutgoingMessage, *, now: datetime
    ) -> None:
        """Note the wish to cancel and send it on.

        Raises:
            asyncpg.PostgresError: CF004 or CF005 when it can't be canceled or isn't there.
        """
        failpoint("gateway.before_cancel")
        await self._pool.execute(
            SQL["cancel"], payment_id, caller.merchant_id, caller.livemode,
            message.topic, message.key, dict(message.headers), message.body, now,
        )  # fmt: skip
        failpoint("gateway.after_cancel")

    async def payment(self, caller: Caller, payment_id: UUID) -> Row | None:
        """One payment."""
        return await self._row("payment", payment_id, caller.merchant_id, caller.livemode)

    async def payments(
        self, caller: Caller, filters: Row, cursor: TimeCursor | None, *, rows_max: int
    ) -> Sequence[Row]:
        """Payments from the newest to the oldest."""
        return await self._rows(
            "payments_page", caller.merchant_id, caller.livemode,
            filters["customer_id"], filters["status"], filters["method"], filters["type"],
            filters["created_after"], filters["created_before"],
            cursor.created_at if cursor else None, cursor.row_id if cursor else None, rows_max,
        )  # fmt: skip

    async def state_changes(self, payment_id: UUID, *, after: int) -> Sequence[Row]:
        """Changes of a payment's status with a number above `after`, oldest first."""
        return await self._rows("state_changes", payment_id, after)

    async def timeline_events(self, payment_id: UUID) -> Sequence[Row]:
        """Everything that was noted about a payment."""
        return await self._rows("timeline_events", payment_id)

    async def payment_entries(self, payment_id: UUID) -> Sequence[Row]:
        """The ledger entries of a payment."""
        return await self._rows("payment_entries", payment_id)

    async def payment_holds(self, payment_id: UUID) -> Sequence[Row]:
        """The hold of a payment, and those of its disputes."""
        return await self._rows("payment_holds", payment_id)

    async def ledger_head(self) -> Row:
        """How far the hash chain over the journal has come."""
        row = await self._row("ledger_head")
        if row is None:
            raise InvariantViolated("the view of the chain's head always has a row")
        return row

    async def take_notice(self, notice: Notice) -> bool:
        """Keep a notice and pass it on; False when it was here before."""
        content, message = notice.content, notice.message
        failpoint("gateway.before_notice")
        new = await self._pool.fetchval(
            SQL["take_notice"],
            content.notice_id, content.provider, content.attempt_id,
            None if content.purpose is None else int(content.purpose),
            "quarantined" if notice.quarantined else "published",
            notice.source, content.source_listed, content.sealed_body, content.received_at,
            message.topic, message.key, dict(message.headers), message.body,
        )  # fmt: skip
        failpoint("gateway.after_notice")
        return bool(new)

    async def api_key(self, key_id: str) -> Row | None:
        """One API key."""
        return await self._row("api_key", key_id)

    async def answers(self) -> bool:
        """True when the database answers."""
        return await ready(self._pool)

    async def forget(self, *, keys_before: datetime, notices_before: datetime) -> None:
        """Delete idempotency keys and published notices that have had their time."""
        await self._pool.execute(SQL["forget_keys"], keys_before)
        await self._pool.execute(SQL["forget_notices"], notices_before)

    async def _row(self, name: str, *args: Any) -> Row | None:
        return await fetch_row(self._pool, name, *args)

    async def _rows(self, name: str, *args: Any) -> Sequence[Row]:
        return await fetch_rows(self._pool, name, *args)
