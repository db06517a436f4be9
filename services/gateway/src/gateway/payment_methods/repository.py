"""Saved payment methods in the database: phones, and cards with the commands for their worker.

`Idempotency.decide` stores a new card (`sql/save_card.sql`).
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
from cift_shared.messaging.messages import MethodResult
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
class SavedPhone:
    """A phone to save for a customer."""

    method_id: UUID
    customer_id: str
    method: str
    display: str
    sealed: str
    country: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What the gateway did with a worker's result."""

    known: bool
    """False: the gateway has no such card."""
    new: bool
    """False: the result was applied before, or a later one was."""


class MethodRepository:
    """Saved methods; a caller sees only those of its own merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def save_phone(self, caller: Caller, phone: SavedPhone, *, now: datetime) -> Row:
        """Save a phone for a customer; `fresh` in the row is False when it was saved before."""
        failpoint("gateway.before_phone")
        row = await fetch_row(
            self._pool, SQL["save_method"], phone.method_id, caller.merchant_id, caller.livemode,
            phone.customer_id, phone.method, phone.display, phone.sealed, phone.country,
            phone.fingerprint, now,
        )  # fmt: skip
        failpoint("gateway.after_phone")
        if row is None:
            raise InvariantViolated("an upsert answered nothing")
        return row

    async def one(self, caller: Caller, method_id: UUID) -> Row | None:
        """Read one saved method."""
        return await fetch_row(
            self._pool, SQL["saved_method"], method_id, caller.merchant_id, caller.livemode
        )

    async def page(
        self, caller: Caller, query: SavedMethodsQuery, asked: Window[TimeCursor]
    ) -> Sequence[Row]:
        """Read the saved methods of a page, and one more, from the cursor on."""
        given = {**dict(query), "cursor": asked.cursor and asked.cursor.place}
        statement, arguments = list_statement(
            SQL["saved_methods_page"], asked, _FILTERS, given, first=4
        )
        fixed = (caller.merchant_id, caller.livemode, asked.rows_max)
        return await fetch_rows(self._pool, statement, *fixed, *arguments)

    async def delete_phone(self, caller: Caller, method_id: UUID) -> None:
        """Delete a phone."""
        failpoint("gateway.before_phone_deleted")
        await fetch_row(
            self._pool, SQL["delete_method"], method_id, caller.merchant_id, caller.livemode
        )
        failpoint("gateway.after_phone_deleted")

    async def detach_card(
        self, caller: Caller, card: Row, message: OutgoingMessage | None, *, now: datetime
    ) -> bool:
        """Make a card unusable and store the command; returns False when its state has changed."""
        failpoint("gateway.before_detach")
        row = await fetch_row(
            self._pool, SQL["detach_card"], card["payment_method_id"], caller.merchant_id,
            caller.livemode, now, card["state"], *outbox_row(message),
        )  # fmt: skip
        failpoint("gateway.after_detach")
        return row is not None

    async def verify(self, caller: Caller, method_id: UUID) -> Row | None:
        """Check whether a completed deposit has verified the method; returns the method."""
        return await fetch_row(
            self._pool, SQL["verify_method"], method_id, caller.merchant_id, caller.livemode
        )

    async def owner(self, method_id: UUID) -> Row | None:
        """Read a card of any merchant, deleted ones included; only for results of workers."""
        return await fetch_row(self._pool, SQL["card_owner"], method_id)

    async def apply(self, result: MethodResult, forget: OutgoingMessage | None) -> Applied:
        """Apply a worker's result; store the command `forget` if the card was deleted meanwhile."""
        card, failure = result.card, result.failure
        failpoint("gateway.before_method_result")
        row = await fetch_row(
            self._pool, SQL["apply_method_result"], result.payment_method_id, result.kind,
            result.attempt_id, result.seq, result.occurred_at,
            card.model_dump(mode="json") if card else None, result.instrument_sealed,
            result.customer_reference_sealed, result.fingerprint, result.next_action,
            failure.model_dump(mode="json") if failure else None, *outbox_row(forget),
        )  # fmt: skip
        failpoint("gateway.after_method_result")
        return Applied(known=row is not None, new=bool(row and row["applied"]))

    async def forget(self, *, before: datetime) -> None:
        """Delete some of the cards that were removed from the provider before a moment."""
        await fetch_row(self._pool, SQL["forget_cards"], before)
