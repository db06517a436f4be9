"""Saved payment methods in the database, and the commands about those saved at a provider.

`Idempotency.decide` stores a method that the provider will save (`sql/save_at_provider.sql`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import MethodResult
from cift_shared.rails.registry import rails
from gateway.auth.authenticator import Caller
from gateway.database.outbox import outbox_row
from gateway.database.queries import Row, fetch_row, fetch_rows, load_statements
from gateway.http.cursors import TimeCursor
from gateway.http.paging import Window, list_statement
from gateway.payment_methods.requests import SavedMethodsQuery

SQL = load_statements("gateway.payment_methods")

_FILTERS: Mapping[str, str] = {
    "customer_id": "customer_id = {}",
    "method": "method = {}",
    "status": "state = {}",
    "cursor": "(created_at, payment_method_id) {beyond} ({}, {})",
}


@dataclass(frozen=True, slots=True)
class StoredMethod:
    """An instrument to store here for a customer."""

    method_id: UUID
    customer_id: str
    method: str
    rail: str
    instrument: Instrument
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What the gateway did with a worker's result."""

    known: bool
    """False: the gateway has no such method."""
    new: bool
    """False: this result, or a later one, was applied before."""


class MethodRepository:
    """Saved methods; a caller sees only those of its own merchant and mode.

    Those of a rail that was removed stay in the database, but no caller can see or use them.
    """

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def store(self, caller: Caller, method: StoredMethod, *, now: datetime) -> Row:
        """Store an instrument here; `fresh` in the row is False when it was saved before."""
        instrument = method.instrument
        failpoint("gateway.before_kept")
        row = await fetch_row(
            self._pool, SQL["save_here"], method.method_id, caller.merchant_id, caller.livemode,
            method.customer_id, method.method, method.rail, instrument.kind, instrument.display,
            instrument.sealed, instrument.country, instrument.public, method.fingerprint, now,
        )  # fmt: skip
        failpoint("gateway.after_kept")
        if row is None:
            raise InvariantViolated("an upsert returned no row")
        return row

    async def one(self, caller: Caller, method_id: UUID) -> Row | None:
        """Read one saved method."""
        return await fetch_row(
            self._pool, SQL["saved_method"], method_id, caller.merchant_id, caller.livemode,
            list(rails()),
        )  # fmt: skip

    async def page(
        self, caller: Caller, query: SavedMethodsQuery, requested: Window[TimeCursor]
    ) -> Sequence[Row]:
        """Read the saved methods of a page, and one more, from the cursor on."""
        given = {**dict(query), "cursor": requested.cursor and requested.cursor.place}
        statement, arguments = list_statement(
            SQL["saved_methods_page"], requested, _FILTERS, given, first=5
        )
        fixed = (caller.merchant_id, caller.livemode, requested.rows_max, list(rails()))
        return await fetch_rows(self._pool, statement, *fixed, *arguments)

    async def delete(self, caller: Caller, method_id: UUID) -> None:
        """Delete a method that is stored here."""
        failpoint("gateway.before_kept_deleted")
        await fetch_row(
            self._pool, SQL["delete_method"], method_id, caller.merchant_id, caller.livemode
        )
        failpoint("gateway.after_kept_deleted")

    async def detach(
        self, caller: Caller, saved: Row, message: OutgoingMessage | None, *, now: datetime
    ) -> bool:
        """Make a method unusable and store the command; False when its state has changed."""
        failpoint("gateway.before_detach")
        row = await fetch_row(
            self._pool, SQL["detach"], saved["payment_method_id"], caller.merchant_id,
            caller.livemode, now, saved["state"], *outbox_row(message),
        )  # fmt: skip
        failpoint("gateway.after_detach")
        return row is not None

    async def verify(self, caller: Caller, method_id: UUID) -> Row | None:
        """Check whether a completed deposit has verified the method; returns the method."""
        return await fetch_row(
            self._pool, SQL["verify_method"], method_id, caller.merchant_id, caller.livemode,
            list(rails()),
        )  # fmt: skip

    async def owner(self, method_id: UUID) -> Row | None:
        """Read a method of any merchant, deleted ones included; only for results of workers."""
        return await fetch_row(self._pool, SQL["owner"], method_id, list(rails()))

    async def apply(self, result: MethodResult, detach: OutgoingMessage | None) -> Applied:
        """Apply a worker's result; store the command `detach` if the method was deleted since."""
        failure = result.failure
        failpoint("gateway.before_method_result")
        row = await fetch_row(
            self._pool, SQL["apply_method_result"], result.payment_method_id, result.kind,
            result.attempt_id, result.seq, result.occurred_at,
            result.public, result.instrument_sealed,
            result.customer_reference_sealed, result.fingerprint, result.next_action,
            failure.model_dump(mode="json") if failure else None, *outbox_row(detach),
        )  # fmt: skip
        failpoint("gateway.after_method_result")
        return Applied(known=row is not None, new=bool(row and row["applied"]))

    async def delete_old(self, *, before: datetime) -> None:
        """Delete some of the methods that were removed at the provider before a moment."""
        await fetch_row(self._pool, SQL["delete_old_detached"], before)
