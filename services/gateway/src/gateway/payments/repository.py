"""Read payments from the ledger's schema; store a request to cancel one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from cift_shared.messaging.envelope import OutgoingMessage
from gateway.auth.authenticator import Caller
from gateway.database.outbox import outbox_row
from gateway.database.queries import Row, fetch_row, fetch_rows, load_statements
from gateway.http.cursors import TimeCursor
from gateway.http.paging import Window
from gateway.payments.filters import payments_statement
from gateway.payments.requests import PaymentsQuery

SQL = load_statements("gateway.payments")

VERIFY_EVERY = timedelta(seconds=10)
"""The minimum time between two commands to verify one payment."""


class PaymentRepository:
    """Reads and cancels payments; `one`, `page` and `cancel` see only the caller's own payments."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def one(self, caller: Caller, payment_id: UUID) -> Row | None:
        """Read one payment."""
        return await fetch_row(
            self._pool, SQL["payment"], payment_id, caller.merchant_id, caller.livemode
        )

    async def page(
        self, caller: Caller, query: PaymentsQuery, requested: Window[TimeCursor]
    ) -> Sequence[Row]:
        """Read the payments of a page, and one more, from the cursor on."""
        statement, arguments = payments_statement(SQL["payments_page"], query, requested)
        fixed = (caller.merchant_id, caller.livemode, requested.rows_max)
        return await fetch_rows(self._pool, statement, *fixed, *arguments)

    async def state_changes(self, payment_id: UUID, *, after: int) -> Sequence[Row]:
        """Read the changes of a payment's status with a version above `after`, oldest first.

        When `after` is above every version, the database was restored since: read the newest one.
        """
        return await fetch_rows(self._pool, SQL["state_changes"], payment_id, after)

    async def timeline_events(self, payment_id: UUID) -> Sequence[Row]:
        """Read every event of a payment."""
        return await fetch_rows(self._pool, SQL["timeline_events"], payment_id)

    async def entries(self, payment_id: UUID) -> Sequence[Row]:
        """Read the ledger entries of a payment."""
        return await fetch_rows(self._pool, SQL["payment_entries"], payment_id)

    async def holds(self, payment_id: UUID) -> Sequence[Row]:
        """Read the hold of a payment, and those of its disputes."""
        return await fetch_rows(self._pool, SQL["payment_holds"], payment_id)

    async def cancel(
        self,
        caller: Caller,
        payment_id: UUID,
        message: OutgoingMessage,
        *,
        after_submit: bool,
        now: datetime,
    ) -> None:
        """Record the request to cancel, and write the command for the worker to the outbox.

        With `after_submit`, a payment that was sent to the provider can be canceled as well.

        Raises:
            asyncpg.PostgresError: CF004: the payment can't be canceled; CF005: it doesn't exist.
        """
        failpoint("gateway.before_cancel")
        await self._pool.execute(
            SQL["cancel"], payment_id, caller.merchant_id, caller.livemode,
            *outbox_row(message), now, after_submit,
        )  # fmt: skip
        failpoint("gateway.after_cancel")

    async def verify(
        self, payment_id: UUID, mark: str | None, message: OutgoingMessage, *, now: datetime
    ) -> bool:
        """Write the command to verify a payment to the outbox; False: too soon after the last.

        `mark` is the keyed hash of the reference that the caller sent.
        """
        failpoint("gateway.before_verify")
        taken: bool = await self._pool.fetchval(
            SQL["verify"], payment_id, mark, now, VERIFY_EVERY, *outbox_row(message)
        )
        failpoint("gateway.after_verify")
        return taken

    async def verified_mark(self, payment_id: UUID) -> str | None:
        """The mark of the last request to verify a payment."""
        mark: str | None = await self._pool.fetchval(SQL["verified_mark"], payment_id)
        return mark

    async def delete_old_verifications(self, *, before: datetime) -> None:
        """Delete requests to verify payments that are older than a moment."""
        await self._pool.execute(SQL["delete_old_verifications"], before)
