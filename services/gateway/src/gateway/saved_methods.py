"""Saved payment methods in the database: phones, and cards with the commands about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from cift_shared.database import Pool
from cift_shared.envelope import OutgoingMessage
from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint
from cift_shared.messages import MethodResult
from gateway.accept import KEY_LIFETIME
from gateway.auth import Caller
from gateway.cursors import TimeCursor
from gateway.statements import Row, fetch_row, fetch_rows, outbox_row
from gateway.store import KeyInFlight, RequestKey


@dataclass(frozen=True, slots=True)
class SavedPhone:
    """A phone to be kept for a customer."""

    method_id: UUID
    customer_id: str
    method: str
    display: str
    sealed: str
    country: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card that a customer wants to be kept at the provider."""

    method_id: UUID
    customer_id: str
    method: str
    display: str
    sealed: str | None
    """The token the client made of it; None: it is still to be entered."""
    return_url: str | None
    location: str
    message: OutgoingMessage
    """The command for the worker."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a worker's answer."""

    known: bool
    """False: we keep no such card."""
    new: bool
    """False: it had been heard before, or was overtaken."""


class SavedMethods:
    """Saved methods; every read is bound to the caller's merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def save_phone(self, caller: Caller, phone: SavedPhone, *, now: datetime) -> Row:
        """Keep a phone for a customer; `fresh` is False when it was kept already."""
        failpoint("gateway.before_phone")
        row = await fetch_row(
            self._pool, "save_method", phone.method_id, caller.merchant_id, caller.livemode,
            phone.customer_id, phone.method, phone.display, phone.sealed, phone.country,
            phone.fingerprint, now,
        )  # fmt: skip
        failpoint("gateway.after_phone")
        if row is None:
            raise InvariantViolated("an upsert answered nothing")
        return row

    async def save_card(
        self, caller: Caller, card: NewCard, key: RequestKey | None, *, now: datetime
    ) -> Row | None:
        """Keep a card that is to be set up, with its command; None when the key was used before.

        Raises:
            KeyInFlight: another request with the same key is being taken.
        """
        failpoint("gateway.before_card")
        try:
            row = await fetch_row(
                self._pool, "save_card", caller.merchant_id, caller.livemode, card.method_id,
                key and key.route, key and key.key_digest, key and key.request_digest,
                card.customer_id, card.method, card.display, card.sealed, card.return_url, now,
                card.location, now + KEY_LIFETIME, *outbox_row(card.message),
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "idempotency_key_pkey":
                raise
            return None
        failpoint("gateway.after_card")
        if row is None or not row["held"]:
            raise KeyInFlight
        return row if row["payment_method_id"] else None

    async def one(self, caller: Caller, method_id: UUID) -> Row | None:
        """One saved method."""
        return await fetch_row(
            self._pool, "saved_method", method_id, caller.merchant_id, caller.livemode
        )

    async def page(
        self, caller: Caller, customer_id: str | None, cursor: TimeCursor | None, *, rows_max: int
    ) -> Sequence[Row]:
        """Saved methods from the newest to the oldest."""
        return await fetch_rows(
            self._pool, "saved_methods_page", caller.merchant_id, caller.livemode, customer_id,
            cursor.created_at if cursor else None, cursor.row_id if cursor else None, rows_max,
        )  # fmt: skip

    async def delete_phone(self, caller: Caller, method_id: UUID) -> None:
        """Forget a phone."""
        failpoint("gateway.before_phone_deleted")
        await fetch_row(self._pool, "delete_method", method_id, caller.merchant_id, caller.livemode)
        failpoint("gateway.after_phone_deleted")

    async def detach_card(
        self, caller: Caller, card: Row, message: OutgoingMessage | None, *, now: datetime
    ) -> bool:
        """Make a card unusable and pass the command on; False when its state has moved on."""
        failpoint("gateway.before_detach")
        row = await fetch_row(
            self._pool, "detach_card", card["payment_method_id"], caller.merchant_id,
            caller.livemode, now, card["state"], *outbox_row(message),
        )  # fmt: skip
        failpoint("gateway.after_detach")
        return row is not None

    async def verify(self, caller: Caller, method_id: UUID) -> Row | None:
        """Look whether a completed deposit has proved the method."""
        return await fetch_row(
            self._pool, "verify_method", method_id, caller.merchant_id, caller.livemode
        )

    async def owner(self, method_id: UUID) -> Row | None:
        """A card whoever owns it, deleted ones included: for answers that come from inside."""
        return await fetch_row(self._pool, "card_owner", method_id)

    async def apply(self, result: MethodResult, forget: OutgoingMessage | None) -> Applied:
        """Take a worker's answer in; `forget` leaves if the card was deleted in the meantime."""
        card, failure = result.card, result.failure
        failpoint("gateway.before_method_result")
        row = await fetch_row(
            self._pool, "apply_method_result", result.payment_method_id, result.kind,
            result.attempt_id, result.seq, result.occurred_at,
            card.model_dump(mode="json") if card else None, result.instrument_sealed,
            result.customer_reference_sealed, result.fingerprint, result.next_action,
            failure.model_dump(mode="json") if failure else None, *outbox_row(forget),
        )  # fmt: skip
        failpoint("gateway.after_method_result")
        return Applied(known=row is not None, new=bool(row and row["applied"]))

    async def forget(self, *, before: datetime) -> None:
        """Delete cards of which nothing is left at the provider since then."""
        await fetch_row(self._pool, "forget_cards", before)
